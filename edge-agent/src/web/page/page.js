// The page: asks the agent once a second and brings what is shown in line with the answer.
//
// Here: which facts stand where. How they are drawn stands in draw.js, their words in words.js.
// What comes from outside becomes text and nothing else.

import { badge, bar, el, keep, lane, level, LEVELS, row, say, sign, steps } from './draw.js';
import { duration, foreign, language, number, ruleText, time, value, w } from './words.js';

const ASK_EVERY = 1000, PATIENCE = 4000;
const PROBLEMS_MAX = 8, ROWS_MAX = 200, CHANGES_FIRST = 15, LANES_MAX = 40;
// The timeline shows the shortest of these that holds everything that is known, ms.
const SPANS = [2, 10, 30, 60, 240, 720, 1440].map((minutes) => minutes * 60000);
const BROKEN_LINKS = ['unreachable', 'noCredentials', 'refused'];

const at = (id) => document.getElementById(id);
let last = null, answeredAt = Date.now(), allChanges = false;

// ---- what is wrong, where, since when, why

function problems(v) {
  const found = [];
  const add = (level, where, what, since, why, key) => found.push({ level, where, what, since, why, key });
  for (const j of v.judged) {
    if (j.severity !== 'info' && !isSilent(j)) add(j.severity, j.machine, nameOf(j), j.since, [whyOf(j), notesOf(j, v.at)].filter(Boolean).join(' · '), `rule ${j.rule} ${j.machine}`);
  }
  if (v.diskFull) add('alarm', w.outbox, w.diskFull, null, w.diskFullWhy, 'disk');
  for (const s of v.sources) {
    if (s.up === false) add('warning', s.id, w.sourceDown, s.since, foreign(s.reason ?? ''), `source ${s.id}`);
  }
  const broken = v.mistakes.filter((m) => m.isError);
  if (broken.length > 0) add('warning', w.rules, w.mistakes(broken.length), null, foreign(broken[0].text), 'mistakes');
  if (BROKEN_LINKS.includes(v.forward.state)) {
    add('warning', w.cloud, w.forward[v.forward.state], null, foreign(v.forward.reason ?? ''), 'forward');
  }
  for (const m of v.machines) {
    if (m.unknown > 0) add('unknown', m.name, w.unknownRules(m.unknown), null, m.bad > 0 ? w.badTags(m.bad) : '', `unknown ${m.name}`);
  }
  const rank = (p) => LEVELS.indexOf(p.level);
  return found.sort((a, b) => rank(b) - rank(a) || (a.since ?? 0) - (b.since ?? 0));
}

// Nobody is to be told of it: a rule suppresses it, or somebody has silenced it.
function isSilent(j) {
  return j.suppressed || j.shelved !== null || j.outOfService !== null;
}

// What keeps a rule from being judged or from telling anybody.
function notesOf(j, now) {
  const by = (shelf, ends) => [foreign(shelf.who), ends, foreign(shelf.why)];
  const ends = (shelf) => (shelf.once ? w.untilNormal : w.until(time(shelf.until, now)));
  return [
    j.state === 'Inactive' ? w.inactive : '',
    j.suppressed ? w.suppressed : '',
    j.shelved ? w.shelved(...by(j.shelved, ends(j.shelved))) : '',
    j.outOfService ? w.outOfService(...by(j.outOfService)) : '',
  ].filter(Boolean).join(' · ');
}

// `Active` is the state of a rule that has but one: then the rule's text says more, or its name.
function nameOf(j) {
  return j.state === 'Active' ? ruleText(j.text) || foreign(j.rule) : foreign(j.state);
}

function whyOf(j) {
  const parts = [j.state === 'Active' ? '' : ruleText(j.text)];
  if (j.expression) parts.push(foreign(j.expression));
  parts.push(j.inputs.map((i) => `${foreign(i.tag)} = ${i.reason ? foreign(i.reason) : value(i.value, i.unit, i.meaning)}`).join(', '));
  return parts.filter(Boolean).join(' · ');
}

function showNow(v) {
  const all = problems(v);
  const count = (l) => all.filter((p) => p.level === l).length;
  const words = [['critical', 'criticals'], ['alarm', 'alarms'], ['warning', 'warnings'], ['unknown', 'unknowns']];
  const summed = words.filter(([l]) => count(l) > 0).map(([l, word]) => w[word](count(l))).join(', ');
  const silenced = v.machines.reduce((sum, m) => sum + m.silenced, 0);
  const verdict = [summed || (silenced > 0 ? w.fineElse : w.fine), silenced > 0 ? w.silenced(silenced) : ''].filter(Boolean).join(', ');
  badge(at('verdict'), all[0]?.level ?? 'info', verdict);
  document.title = `${verdict} – ${v.agent}`;
  say(at('covered'), w.covered(v.machines.length, v.instances, v.tags.length + v.tagsLeftOut));
  keep(at('problems'), all.slice(0, PROBLEMS_MAX), (p) => p.key, problem, (node, p) => {
    node.className = p.level;
    badge(node.children[0], p.level, w[p.level]);
    say(node.children[1], foreign(p.where));
    say(node.children[2], p.what);
    say(node.children[3], p.since === null ? '' : `${w.sinceTime} ${time(p.since, v.at)} (${duration(v.at - p.since)})`);
    say(node.children[4], p.why);
  });
  const more = all.length - PROBLEMS_MAX;
  at('more-problems').hidden = more <= 0;
  say(at('more-problems'), w.moreProblems(more));
}

function problem() {
  const part = (kind) => el('span', { class: kind });
  return el('li', {}, el('span', { class: 'badge' }), el('strong', { class: 'where' }), el('strong', { class: 'what' }), part('since'), part('why'));
}

// ---- the line

function showLine(v) {
  keep(at('machines'), v.machines, (m) => m.name, machine, (node, m) => {
    const worst = v.judged.find((j) => j.machine === m.name && j.severity === m.worst && !isSilent(j));
    const l = m.worst === 'info' && m.unknown > 0 ? 'unknown' : m.worst;
    node.className = l;
    badge(node.children[1], l, l === 'info' || l === 'unknown' || !worst ? w[l] : `${w[l]}: ${nameOf(worst)}`);
    const since = m.worst === 'info' || !worst?.since ? '' : w.lasting(duration(v.at - worst.since));
    const rest = [since, m.wrong > 1 ? w.rulesOf(m.wrong, m.instances) : '', m.silenced ? w.silenced(m.silenced) : '', m.unknown ? w.unknownRules(m.unknown) : '', m.bad ? w.badTags(m.bad) : ''];
    say(node.children[2], rest.filter(Boolean).join(' · '));
  });
  showTimeline(v);
}

function machine(m) {
  const name = [el('strong', {}, foreign(m.name)), m.line ? el('span', {}, ` ${foreign(m.line)}`) : ''];
  return el('li', {}, el('p', { class: 'name' }, ...name), el('p', { class: 'badge' }), el('p', { class: 'rest' }));
}

function showTimeline(v) {
  const oldest = Math.min(v.startedAt, ...v.recent.map((t) => t.timestamp));
  const span = SPANS.find((s) => s >= v.at - oldest) ?? SPANS.at(-1);
  const from = v.at - span;
  keep(at('timeline'), v.machines.slice(0, LANES_MAX), (m) => m.name, timelineRow, (node, m) => {
    const of = (list) => list.filter((x) => x.machine === m.name);
    const list = steps(of(v.recent), of(v.judged), from, v.at);
    const lasted = (l) => list.filter((s) => s.level === l).reduce((sum, s) => sum + s.until - s.at, 0);
    const told = LEVELS.slice(1).filter((l) => lasted(l) > 0).map((l) => `${w[l]} ${duration(lasted(l))}`);
    node.children[1].replaceChildren(lane(list, from, v.at, `${m.name}: ${told.join(', ') || w.info}`));
  });
  say(at('axis-from'), w.ago(duration(span).replace(' 0 s', '').replace(' 0 min', '')));
}

function timelineRow(m) {
  return el('div', { class: 'machine' }, el('span', { class: 'name' }, foreign(m.name)), el('div'));
}

// ---- rules

function showRules(v) {
  keep(at('mistakes'), v.mistakes, (m) => m.text, (m) => el('li', {}, sign(m.isError ? 'warning' : 'info'), el('span', {}, foreign(m.text))), () => {});
  const odd = (j) => j.severity !== 'info' || j.pending.length + j.latched.length > 0 || j.state === 'Unknown' || isSilent(j);
  const wanted = at('rules-odd').checked ? v.judged.filter(odd) : v.judged;
  const make = row(['state', 'rule', 'since', 'pending', 'votes', 'watermark']);
  keep(at('judged'), wanted.slice(0, ROWS_MAX), (j) => `${j.rule} ${j.machine}`, make, (node, j) => {
    const [state, rule, since, pending, votes, watermark] = node.children;
    showState(state, j, v.at);
    say(rule, `${foreign(j.rule)} · ${foreign(j.machine)}`);
    say(since, j.since ? `${time(j.since, v.at)} (${duration(v.at - j.since)})` : w.start);
    showPending(pending, j);
    say(votes, j.votes.filter((x) => x.state !== null).map(vote).join(', ') || w.none);
    say(watermark, heldBy(v.scopes[j.scope]));
  });
  const more = v.judgedLeftOut + Math.max(0, wanted.length - ROWS_MAX);
  at('more-judged').hidden = more === 0;
  say(at('more-judged'), w.more(more));
}

function vote(x) {
  return `${x.group ? `${foreign(x.group)}: ` : ''}${foreign(x.state)} (${x.weight})${x.wins && x.group ? ' ✓' : ''}`;
}

function heldBy(scope) {
  if (!scope || scope.lagMs === null) return w.start;
  const who = scope.heldBy === null ? w.follows : scope.sources.length > 1 || scope.lagMs > 2000 ? w.waitsFor(foreign(scope.heldBy)) : foreign(scope.heldBy);
  return `${w.behind(duration(scope.lagMs))}, ${who}`;
}

function showState(cell, j, now) {
  if (!cell.firstElementChild) cell.append(el('span', { class: 'badge' }), el('div', { class: 'notes' }));
  badge(cell.firstElementChild, level(j.severity, j.state), foreign(j.state));
  say(cell.lastElementChild, notesOf(j, now));
}

// Delays, and what stays until somebody resets it. The bar of a state that is entered fills, of one that is left empties.
function showPending(cell, j) {
  const lines = [...j.pending, ...j.latched];
  keep(cell, lines, (p) => `${p.ofMs === undefined} ${p.state}`, () => el('div', { class: 'pending' }, el('div'), el('span')), (node, p) => {
    const [drawn, told] = node.children;
    const state = foreign(p.state);
    if (p.ofMs === undefined) {
      say(told, `${w.latched(state)} (${p.resettable ? w.resettable : w.stillHolds})`);
      return;
    }
    const done = p.doneMs / p.ofMs;
    drawn.replaceChildren(bar(p.leaving ? 1 - done : done, p.paused ? 'paused' : 'running'));
    const left = duration(p.ofMs - p.doneMs);
    const words = p.paused ? w.paused(state) : p.leaving ? w.leaves(state, left) : w.left(state, left);
    say(told, `${words} (${w.of(duration(p.doneMs), duration(p.ofMs))})`);
  });
}

// ---- changes

function showChanges(v) {
  const shown = allChanges ? v.recent : v.recent.slice(0, CHANGES_FIRST);
  const make = row(['time', 'change', 'rule', 'reason']);
  keep(at('recent'), shown, (t) => `${t.rule} ${t.machine} ${t.sequenceNumber}`, make, (node, t) => {
    const [when, change, rule, reason] = node.children;
    say(when, time(t.timestamp, v.at));
    badge(change, level(t.severity, t.to), `${foreign(t.from)} → ${foreign(t.to)}`);
    say(rule, `${foreign(t.rule)} · ${foreign(t.machine)}`);
    say(reason, reasonOf(t));
  });
  at('no-changes').hidden = v.recent.length > 0;
  at('all-changes').hidden = allChanges || v.recent.length <= CHANGES_FIRST;
  say(at('all-changes'), w.allChanges(v.recent.length));
}

function reasonOf(t) {
  const parts = [t.cause === 'condition' ? ruleText(t.text) : w.cause[t.cause]];
  if (t.because) {
    const expression = foreign(t.because.expression);
    parts.push(t.because.for > 0 ? `${expression} ${w.delay(duration(t.because.for))}` : expression);
    parts.push(t.because.inputs.map((i) => `${foreign(i.tag)} = ${i.unknown ? foreign(i.unknown) : value(i.value, i.unit)}`).join(', '));
  }
  return [...parts, ...t.flags].filter(Boolean).join(' · ');
}

// ---- sources and tags

function showSources(v) {
  const make = row(['source', 'state', 'since', 'scan', 'offset', 'tags']);
  keep(at('source-rows'), v.sources, (s) => s.id, make, (node, s) => {
    const [id, state, since, scan, offset, tags] = node.children;
    say(id, foreign(s.id));
    const l = s.up === null ? 'unknown' : s.up ? 'info' : 'warning';
    badge(state, l, s.up === null ? w.untriedSource : s.up ? w.up : `${w.sourceDown}: ${foreign(s.reason ?? '')}`);
    say(since, s.since === null ? '–' : `${time(s.since, v.at)} (${duration(v.at - s.since)})`);
    say(scan, s.scanMs === null ? '–' : `${number(Math.round(s.scanMs * 10) / 10)} ms`);
    say(offset, s.clockOffsetMs === null ? '–' : duration(s.clockOffsetMs));
    say(tags, s.bad > 0 ? `${s.tags}, ${w.badTags(s.bad)}` : `${s.tags}`);
  });
}

function showTags(v) {
  const machines = v.machines.map((m) => m.name);
  keep(at('tag-machine'), ['', ...machines], (m) => m, (m) => el('option', { value: m }, m ? foreign(m) : w.all), () => {});
  const part = at('tag-name').value.trim().toLowerCase();
  const of = at('tag-machine').value;
  const bad = at('tag-bad').checked;
  const wanted = v.tags.filter((t) => t.name.toLowerCase().includes(part) && (of === '' || t.machine === of) && (!bad || t.value === null));
  // What has no value comes first, else in the order of the configuration.
  wanted.sort((a, b) => (a.value !== null) - (b.value !== null));
  const make = row(['tag', 'value', 'quality', 'age']);
  keep(at('tag-rows'), wanted.slice(0, ROWS_MAX), (t) => `${t.machine} ${t.name}`, make, (node, t) => {
    const [name, held, quality, age] = node.children;
    say(name, `${foreign(t.name)} · ${foreign(t.machine)}`);
    say(held, value(t.value, t.value === null ? null : t.unit, t.meaning));
    held.classList.toggle('number', typeof t.value === 'number');
    const l = t.quality === 'Ok' ? 'info' : t.quality === null ? 'unknown' : 'warning';
    badge(quality, l, t.reason === null ? t.quality : `${t.quality ?? ''} ${foreign(t.reason)}`.trim());
    say(age, t.timestamp === null ? '–' : duration(Math.max(0, v.at - t.timestamp)));
  });
  const cut = wanted.length > ROWS_MAX || v.tagsLeftOut > 0 ? ` ${w.narrow}` : '';
  say(at('tag-count'), `${w.shown(Math.min(wanted.length, ROWS_MAX), v.tags.length + v.tagsLeftOut)}${cut}`);
}

// ---- outbox and cloud

function showDelivery(v) {
  const o = v.outbox;
  const entries = (tally) => w.entries(number(tally.transitions), number(tally.events));
  const link = v.forward.reason ? `${w.forward[v.forward.state]}: ${foreign(v.forward.reason)}` : w.forward[v.forward.state];
  const facts = [
    ['state', link], ['waiting', entries(o.waiting)], ['fill', `${w.of(bytes(o.bytes), bytes(o.bytesMax))}`],
    ['delivered', entries(o.delivered)], ['shed', entries(o.shed)], ['lost', number(v.lost)],
    ['datapoints', number(v.datapoints)], ['late', number(v.late)], ['started', time(v.startedAt, v.at)], ['program', v.program],
  ];
  at('fill').replaceChildren(bar(o.bytes / o.bytesMax, o.bytes > o.bytesMax / 2 ? 'paused' : 'running'));
  keep(at('facts'), facts, ([key]) => key, ([key]) => el('div', {}, el('dt', {}, w.fact[key]), el('dd')), (node, [, text]) => say(node.lastElementChild, text));
}

function bytes(n) {
  return n < 1 << 20 ? `${number(Math.round(n / 1024))} KiB` : `${number(Math.round(n / 104857.6) / 10)} MiB`;
}

// ---- asking

function show(v) {
  last = v;
  say(at('agent'), v.agent);
  say(at('site'), v.site ?? '');
  say(at('clock'), time(v.at, v.at));
  [showNow, showLine, showRules, showChanges, showSources, showTags, showDelivery].forEach((part) => part(v));
}

async function ask() {
  const answer = await fetch('/view', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
  const v = answer?.ok ? await answer.json().catch(() => null) : null;
  if (v) {
    answeredAt = Date.now();
    show(v);
  } else {
    say(at('lost'), (answer?.status === 503 ? w.silent : w.lost)(time(answeredAt)));
  }
  at('lost').hidden = v !== null;
  document.body.classList.toggle('old', v === null);
}

async function askForEver() {
  for (;;) {
    // Nobody looks at a page in the background.
    if (!document.hidden) await ask();
    await new Promise((done) => {
      const soon = setTimeout(done, ASK_EVERY);
      document.addEventListener('visibilitychange', () => { clearTimeout(soon); done(); }, { once: true });
    });
  }
}

document.documentElement.lang = language;
for (const node of document.querySelectorAll('[data-word]')) node.textContent = w[node.dataset.word];
at('legend').replaceChildren(...LEVELS.map((l) => el('li', {}, sign(l), el('span', {}, w[l]))));
for (const id of ['tag-name', 'tag-machine', 'tag-bad']) at(id).addEventListener('input', () => last && showTags(last));
at('rules-odd').addEventListener('input', () => last && showRules(last));
at('all-changes').addEventListener('click', () => { allChanges = true; if (last) showChanges(last); });
askForEver();
