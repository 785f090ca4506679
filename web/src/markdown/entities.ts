/** Character references that models write; others stay as they are written, which misleads nobody. */
const named: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  copy: '©',
  reg: '®',
  trade: '™',
  hellip: '…',
  mdash: '—',
  ndash: '–',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  bull: '•',
  middot: '·',
  deg: '°',
  plusmn: '±',
  times: '×',
  divide: '÷',
  frac12: '½',
  frac14: '¼',
  frac34: '¾',
  sup2: '²',
  sup3: '³',
  micro: 'µ',
  para: '¶',
  sect: '§',
  euro: '€',
  pound: '£',
  yen: '¥',
  cent: '¢',
  larr: '←',
  uarr: '↑',
  rarr: '→',
  darr: '↓',
  harr: '↔',
  rArr: '⇒',
  lArr: '⇐',
  hArr: '⇔',
  infin: '∞',
  ne: '≠',
  le: '≤',
  ge: '≥',
  asymp: '≈',
  equiv: '≡',
  radic: '√',
  sum: '∑',
  prod: '∏',
  int: '∫',
  part: '∂',
  nabla: '∇',
  isin: '∈',
  notin: '∉',
  cap: '∩',
  cup: '∪',
  sub: '⊂',
  sup: '⊃',
  forall: '∀',
  exist: '∃',
  alpha: 'α',
  beta: 'β',
  gamma: 'γ',
  delta: 'δ',
  epsilon: 'ε',
  theta: 'θ',
  lambda: 'λ',
  mu: 'μ',
  pi: 'π',
  rho: 'ρ',
  sigma: 'σ',
  tau: 'τ',
  phi: 'φ',
  omega: 'ω',
  Delta: 'Δ',
  Sigma: 'Σ',
  Omega: 'Ω',
  Pi: 'Π',
  eacute: 'é',
  egrave: 'è',
  agrave: 'à',
  aacute: 'á',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  szlig: 'ß',
  ntilde: 'ñ',
  ccedil: 'ç',
  AElig: 'Æ',
  aelig: 'æ',
  oslash: 'ø',
  aring: 'å',
  check: '✓',
  star: '☆',
  hearts: '♥',
};

function fromCodePoint(value: number): string {
  const isValid = value > 0 && value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff);
  return isValid ? String.fromCodePoint(value) : '\ufffd';
}

/** Text as a person reads it: HTML character references resolved. */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#x([\da-f]{1,6})|#(\d{1,7})|([a-z]\w{1,12}));/gi, (whole, hex, decimal, name) => {
    if (hex) return fromCodePoint(Number.parseInt(hex as string, 16));
    if (decimal) return fromCodePoint(Number.parseInt(decimal as string, 10));
    return named[name as string] ?? whole;
  });
}

const controls = new RegExp(String.raw`[\0-\x08\x0b\x0c\x0e-\x1f\x7f]`, 'g');

/** Control characters a model may emit are shown as pictures, so that they cannot hide or reorder text. */
export function showControls(text: string): string {
  return text
    .replace(controls, (character) =>
      character === '\u007f' ? '\u2421' : String.fromCharCode(0x2400 + character.charCodeAt(0)),
    )
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}
