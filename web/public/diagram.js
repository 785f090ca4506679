// Draws diagrams for the page that frames this one, which is alone in its frame: it has no origin, no network, and
// takes nothing but text. web/src/markdown/diagram-client.ts asks.

let loading;

/** The library is fetched for the first diagram. */
function load(library) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = library;
    script.addEventListener('load', resolve);
    script.addEventListener('error', () => reject(new Error('the library did not come')));
    document.head.append(script);
  });
  return loading;
}

/** As a picture it has a size, and is XML. */
function pictureOf(markup) {
  const holder = document.createElement('div');
  holder.innerHTML = markup;
  const svg = holder.querySelector('svg');
  const [, , width, height] = svg
    .getAttribute('viewBox')
    .split(/[\s,]+/)
    .map(Number);
  svg.removeAttribute('style');
  svg.setAttribute('width', String(width));
  svg.setAttribute('height', String(height));
  const title = svg.querySelector(':scope > title')?.textContent ?? '';
  return { svg: new XMLSerializer().serializeToString(svg), width, height, title };
}

async function draw({ id, source, library, theme }) {
  await load(library);
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    // What a diagram's own text may not change.
    secure: [
      'secure',
      'securityLevel',
      'startOnLoad',
      'maxTextSize',
      'maxEdges',
      'suppressErrorRendering',
      'themeCSS',
    ],
    suppressErrorRendering: true,
    maxTextSize: 20_000,
    maxEdges: 300,
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    themeCSS: '* { animation: none !important; }',
    ...theme,
  });
  const { svg } = await mermaid.render(`diagram-${id}`, source);
  return pictureOf(svg);
}

async function answer(order) {
  // Why it is no diagram is nobody's business: its text is shown then.
  const picture = await draw(order).catch(() => null);
  parent.postMessage({ id: order.id, picture }, '*');
}

addEventListener('message', ({ source, data }) => {
  if (source === parent) void answer(data);
});
parent.postMessage({ isReady: true }, '*');
