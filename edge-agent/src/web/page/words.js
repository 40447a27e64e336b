// The words of the page, and how numbers, times and durations are written.
//
// Here: English and German. Not here: words of the plant (states, rules, tags): they stay as they were given.

const WORDS = {
  en: {
    skip: 'Skip to what is wrong', line: 'Line', timeline: 'States of the machines', rules: 'Rules',
    changes: 'Last changes', sources: 'Sources', tags: 'Tags', delivery: 'Outbox and cloud', now: 'now',
    state: 'State', rule: 'Rule', since: 'Since', pending: 'About to change', votes: 'Votes', watermark: 'Judged up to',
    time: 'Time', change: 'Change', reason: 'Reason', source: 'Source', scan: 'Scan', offset: 'Clock behind', tag: 'Tag',
    value: 'Value', quality: 'Quality', age: 'Unchanged for', machine: 'Machine', tagName: 'Name contains',
    onlyBad: 'Bad only', onlyOdd: 'Only what stands out', noChanges: 'No state has changed since the start.', all: 'all',
    info: 'OK', warning: 'Warning', alarm: 'Alarm', critical: 'Critical', unknown: 'Not known', fine: 'Everything in order', fineElse: 'Nothing else is wrong', silenced: (n) => `${n} silenced`,
    warnings: (n) => (n === 1 ? '1 warning' : `${n} warnings`), alarms: (n) => (n === 1 ? '1 alarm' : `${n} alarms`),
    criticals: (n) => `${n} critical`, unknowns: (n) => (n === 1 ? '1 thing not known' : `${n} things not known`),
    covered: (machines, rules, tags) => `${machines} machines, ${rules} rules judged, ${tags} tags read`,
    moreProblems: (n) => `and ${n} more under “Rules”`, more: (n) => `${n} more are not shown`,
    badTags: (n) => (n === 1 ? '1 tag is Bad' : `${n} tags are Bad`), rulesOf: (n, all) => `${n} of ${all} rules`,
    unknownRules: (n) => (n === 1 ? '1 rule cannot be judged' : `${n} rules cannot be judged`),
    sourceDown: 'does not answer', up: 'answers', untriedSource: 'not heard yet', ruleMistake: 'Mistake in a rule file',
    mistakes: (n) => (n === 1 ? '1 mistake' : `${n} mistakes`), cloud: 'Cloud', diskFull: 'The disk is full',
    diskFullWhy: 'Nothing can be kept before some space is freed.', outbox: 'Outbox',
    lost: (since) => `No answer from the agent since ${since}. What stands here is old.`,
    silent: (since) => `The agent judges no rule since ${since}. What stands here is old.`,
    left: (state, time) => `${state} in ${time}`, paused: (state) => `${state}: value missing, time stands still`,
    leaves: (state, time) => `${state} ends in ${time}`, latched: (state) => `${state}: until reset`, resettable: 'can be reset now',
    stillHolds: 'its condition still holds', inactive: 'not judged: its gate is shut', suppressed: 'suppressed',
    until: (time) => `until ${time}`, untilNormal: 'until it is normal again',
    shelved: (who, until, why) => `shelved by ${who} ${until}: ${why}`, outOfService: (who, _, why) => `out of service, by ${who}: ${why}`,
    of: (done, all) => `${done} of ${all}`, behind: (time) => `${time} behind`, waitsFor: (source) => `waits for ${source}`,
    follows: 'follows the clock', start: 'not yet', delay: (time) => `for ${time}`, lasting: (time) => `for ${time}`, sinceTime: 'since', ago: (time) => `${time} ago`,
    shown: (n, all) => `${n} of ${all} tags`, narrow: 'Type to narrow.', allChanges: (n) => `Show all ${n}`, none: 'none',
    cause: { condition: '', clear: 'no longer', unknown: 'values missing or back', gate: 'gate', shelve: 'shelved', unsuppressed: 'suppression over',
      severity: 'severity', ruleChanged: 'rule edited', ruleRemoved: 'rule removed', reset: 'reset' },
    fact: { state: 'To the cloud', waiting: 'Waiting', fill: 'Filled', delivered: 'Delivered', shed: 'Shed at the limit', lost: 'Lost since the start',
      started: 'Agent started', datapoints: 'Datapoints', late: 'of these late', program: 'Version' },
    entries: (transitions, events) => `${transitions} transitions, ${events} events`, noUnit: '–',
    forward: { untried: 'nothing sent yet', up: 'works', throttled: 'slowed down by the stream', unreachable: 'not reached',
      noCredentials: 'no credentials', refused: 'refused' },
  },
  de: {
    skip: 'Zu dem, was nicht stimmt', line: 'Linie', timeline: 'Zustände der Maschinen', rules: 'Regeln',
    changes: 'Letzte Wechsel', sources: 'Quellen', tags: 'Messwerte', delivery: 'Ausgang und Cloud', now: 'jetzt',
    state: 'Zustand', rule: 'Regel', since: 'Seit', pending: 'Steht bevor', votes: 'Stimmen', watermark: 'Beurteilt bis',
    time: 'Zeit', change: 'Wechsel', reason: 'Grund', source: 'Quelle', scan: 'Lesezeit', offset: 'Uhr geht nach', tag: 'Messwert',
    value: 'Wert', quality: 'Güte', age: 'Unverändert seit', machine: 'Maschine', tagName: 'Name enthält',
    onlyBad: 'Nur Bad', onlyOdd: 'Nur Auffälliges', noChanges: 'Seit dem Start hat kein Zustand gewechselt.', all: 'alle',
    info: 'OK', warning: 'Warnung', alarm: 'Alarm', critical: 'Kritisch', unknown: 'Unbekannt', fine: 'Alles in Ordnung', fineElse: 'Sonst alles in Ordnung', silenced: (n) => `${n} stummgeschaltet`,
    warnings: (n) => (n === 1 ? '1 Warnung' : `${n} Warnungen`), alarms: (n) => (n === 1 ? '1 Alarm' : `${n} Alarme`),
    criticals: (n) => `${n} kritisch`, unknowns: (n) => `${n} unbekannt`,
    covered: (machines, rules, tags) => `${machines} Maschinen, ${rules} Regeln beurteilt, ${tags} Messwerte gelesen`,
    moreProblems: (n) => `und ${n} weitere unter „Regeln“`, more: (n) => `${n} weitere sind nicht gezeigt`,
    badTags: (n) => (n === 1 ? '1 Messwert ist Bad' : `${n} Messwerte sind Bad`), rulesOf: (n, all) => `${n} von ${all} Regeln`,
    unknownRules: (n) => (n === 1 ? '1 Regel nicht beurteilbar' : `${n} Regeln nicht beurteilbar`),
    sourceDown: 'antwortet nicht', up: 'antwortet', untriedSource: 'noch nicht gehört', ruleMistake: 'Fehler in einer Regeldatei',
    mistakes: (n) => `${n} Fehler`, cloud: 'Cloud', diskFull: 'Der Datenträger ist voll',
    diskFullWhy: 'Nichts kann aufgehoben werden, bevor Platz geschaffen ist.', outbox: 'Ausgang',
    lost: (since) => `Keine Antwort vom Agenten seit ${since}. Was hier steht, ist alt.`,
    silent: (since) => `Der Agent beurteilt seit ${since} keine Regel. Was hier steht, ist alt.`,
    left: (state, time) => `${state} in ${time}`, paused: (state) => `${state}: Wert fehlt, die Zeit steht`,
    leaves: (state, time) => `${state} endet in ${time}`, latched: (state) => `${state}: bis zum Zurücksetzen`, resettable: 'kann jetzt zurückgesetzt werden',
    stillHolds: 'die Bedingung gilt noch', inactive: 'nicht beurteilt: die Freigabe fehlt', suppressed: 'unterdrückt',
    until: (time) => `bis ${time}`, untilNormal: 'bis alles wieder normal ist',
    shelved: (who, until, why) => `zurückgestellt von ${who} ${until}: ${why}`, outOfService: (who, _, why) => `außer Betrieb, von ${who}: ${why}`,
    of: (done, all) => `${done} von ${all}`, behind: (time) => `${time} zurück`, waitsFor: (source) => `wartet auf ${source}`,
    follows: 'folgt der Uhr', start: 'noch nicht', delay: (time) => `für ${time}`, lasting: (time) => `seit ${time}`, sinceTime: 'seit', ago: (time) => `vor ${time}`,
    shown: (n, all) => `${n} von ${all} Messwerten`, narrow: 'Tippen grenzt ein.', allChanges: (n) => `Alle ${n} zeigen`, none: 'keine',
    cause: { condition: '', clear: 'nicht mehr', unknown: 'Werte fehlen oder sind zurück', gate: 'Freigabe', shelve: 'zurückgestellt', unsuppressed: 'Unterdrückung vorbei',
      severity: 'Schwere', ruleChanged: 'Regel geändert', ruleRemoved: 'Regel entfernt', reset: 'zurückgesetzt' },
    fact: { state: 'Zur Cloud', waiting: 'Wartet', fill: 'Gefüllt', delivered: 'Zugestellt', shed: 'Am Limit verworfen', lost: 'Verloren seit dem Start',
      started: 'Agent gestartet', datapoints: 'Datenpunkte', late: 'davon verspätet', program: 'Version' },
    entries: (transitions, events) => `${transitions} Wechsel, ${events} Ereignisse`, noUnit: '–',
    forward: { untried: 'noch nichts gesendet', up: 'läuft', throttled: 'vom Stream gebremst', unreachable: 'nicht erreicht',
      noCredentials: 'keine Zugangsdaten', refused: 'abgelehnt' },
  },
};

export const language = (navigator.languages ?? [navigator.language]).some((l) => /^(de|en)/i.test(l))
  ? navigator.languages.find((l) => /^(de|en)/i.test(l)).slice(0, 2).toLowerCase()
  : 'en';
export const w = WORDS[language];

// Field names of the shortest form first; a technician reads seconds up to ten minutes.
const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  const abs = Math.abs(ms);
  const sign = ms < 0 ? '−' : '';
  if (abs < 10 * SECOND) return `${sign}${number(Math.round(abs / 100) / 10)} s`;
  if (abs < MINUTE) return `${sign}${Math.floor(abs / SECOND)} s`;
  if (abs < 10 * MINUTE) return `${sign}${Math.floor(abs / MINUTE)} min ${Math.floor((abs % MINUTE) / SECOND)} s`;
  if (abs < HOUR) return `${sign}${Math.floor(abs / MINUTE)} min`;
  if (abs < DAY) return `${sign}${Math.floor(abs / HOUR)} h ${Math.floor((abs % HOUR) / MINUTE)} min`;
  return `${sign}${Math.floor(abs / DAY)} d ${Math.floor((abs % DAY) / HOUR)} h`;
}

const numbers = new Intl.NumberFormat(language, { maximumSignificantDigits: 12, useGrouping: false });
const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(language, { day: '2-digit', month: '2-digit' });

export function number(n) {
  return numbers.format(n);
}

// The time of day; with the day where that is another one.
export function time(ms, now) {
  if (ms === null || ms === undefined) return '–';
  const there = new Date(ms);
  const same = there.toDateString() === new Date(now ?? Date.now()).toDateString();
  return same ? clock.format(there) : `${day.format(there)} ${clock.format(there)}`;
}

// What a PLC, a browser or a file has said, fit to be read: control characters and those that turn the direction
// of writing are shown as what they are.
export function foreign(text) {
  return String(text)
    .replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

export function value(v, unit, meaning) {
  if (meaning) return `${foreign(meaning)} (${number(v)})`;
  const text = typeof v === 'number' ? number(v) : v === null ? '–' : foreign(v);
  return unit ? `${text} ${foreign(unit)}` : text;
}

// The text of a rule in the reader's language.
export function ruleText(texts) {
  const found = texts[language] ?? texts.en ?? Object.values(texts)[0];
  return found === undefined ? '' : foreign(found);
}
