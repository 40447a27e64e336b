// Building and drawing: elements from texts, signs for states, bars, the timeline.
//
// Texts become text nodes and nothing else; a state is told by shape, height and word, never by colour alone.

import { w } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Writes only what differs: a screen reader says what has changed, and a selection stays.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Brings the children of a node in line with a list. What stays keeps its element, so its focus and place.
export function keep(parent, items, keyOf, make, fill) {
  const old = new Map(Array.from(parent.children, (child) => [child.dataset.key, child]));
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = old.get(key);
    if (!node) {
      node = make(item);
      node.dataset.key = key;
    }
    old.delete(key);
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
    fill(node, item);
  }
  for (const node of old.values()) node.remove();
}

// A row whose cells carry the name of their column, which small screens show.
export function row(columns) {
  return () => {
    const cells = columns.map((column, i) => {
      const cell = i === 0 ? el('th', { role: 'rowheader', scope: 'row' }) : el('td', { role: 'cell' });
      cell.dataset.label = w[column];
      return cell;
    });
    return el('tr', { role: 'row' }, ...cells);
  };
}

const SIGNS = {
  critical: ['M9 1h14l8 8v14l-8 8H9l-8-8V9z', 'M16 7v11M16 23v3M10 7v11M10 23v3M22 7v11M22 23v3'],
  alarm: ['M16 1l15 29H1z', 'M16 11v9M16 24v3'],
  warning: ['M16 1l15 15-15 15L1 16z', 'M16 8v10M16 22v3'],
  unknown: ['M2 2h28v28H2z', 'M11 12c0-7 10-7 10 0 0 4-5 4-5 8M16 24v3'],
  info: ['M16 2a14 14 0 1 0 .01 0z', 'M9 17l5 5 10-11'],
};

// The sign of a level; its word stands beside it, so it says nothing itself.
export function sign(level) {
  const [shape, mark] = SIGNS[level];
  return svg('svg', { class: `sign ${level}`, viewBox: '0 0 32 32', 'aria-hidden': 'true' },
    svg('path', { class: 'shape', d: shape }), svg('path', { class: 'mark', d: mark }));
}

// Sign and word of a level, and what is in that level.
export function badge(node, level, text) {
  if (node.dataset.level !== level) {
    node.dataset.level = level;
    node.replaceChildren(sign(level), el('span', { class: 'text' }));
  }
  say(node.lastElementChild, text);
}

// How far of how much.
export function bar(share, kind) {
  const width = Math.round(1000 * Math.min(1, Math.max(0, share)));
  return svg('svg', { class: `bar ${kind}`, viewBox: '0 0 1000 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { class: 'all', width: 1000, height: 10 }), svg('rect', { class: 'done', width, height: 10 }));
}

// Height of a level in the timeline, of 30.
const HEIGHTS = { none: 2, info: 4, unknown: 9, warning: 14, alarm: 22, critical: 30 };
export const LEVELS = ['info', 'unknown', 'warning', 'alarm', 'critical'];

// What a machine was at each time, as steps over [from, to]: each the worst of its rules.
export function steps(transitions, judged, from, to) {
  const byRule = new Map();
  for (const t of transitions) {
    if (!byRule.has(t.rule)) byRule.set(t.rule, []);
    byRule.get(t.rule).unshift({ at: t.timestamp, level: level(t.severity, t.to) });
  }
  const spans = [];
  for (const j of judged) {
    const told = byRule.get(j.rule) ?? [{ at: j.since ?? to, level: level(j.severity, j.state) }];
    told.forEach((step, i) => spans.push({ ...step, until: told[i + 1]?.at ?? to }));
  }
  const cuts = [...new Set([from, to, ...spans.flatMap((s) => [s.at, s.until])])].filter((c) => c >= from && c <= to);
  cuts.sort((a, b) => a - b);
  const rank = (s) => LEVELS.indexOf(s.level);
  const out = [];
  cuts.slice(0, -1).forEach((at, i) => {
    const there = spans.filter((s) => s.at <= at && s.until > at);
    const worst = there.reduce((a, b) => (rank(b) > rank(a) ? b : a), { level: 'none' });
    const before = out.at(-1);
    if (before?.level === worst.level) before.until = cuts[i + 1];
    else out.push({ at, until: cuts[i + 1], level: worst.level });
  });
  return out;
}

export function level(severity, state) {
  return severity === 'info' && state === 'Unknown' ? 'unknown' : severity;
}

// One machine's timeline.
export function lane(list, from, to, label) {
  const scale = 1000 / (to - from);
  const rects = list.map((s) => {
    const height = HEIGHTS[s.level];
    const width = Math.max(1, (s.until - s.at) * scale);
    return svg('rect', { class: s.level, x: (s.at - from) * scale, y: 30 - height, width, height });
  });
  return svg('svg', { class: 'lane', viewBox: '0 0 1000 30', preserveAspectRatio: 'none', role: 'img', 'aria-label': label }, ...rects);
}
