/** A reference as people say it: the bundled model by its name, others without their owner. */
export function modelName(id: string): string {
  if (id === 'cria') return 'Cria';
  const [path, quantisation] = id.includes('/') ? splitQuantisation(id) : [id, undefined];
  const name = path
    .split('+')
    .map((part) => part.slice(part.lastIndexOf('/') + 1))
    .join(' + ');
  return quantisation ? `${name} ${quantisation}` : name;
}

function splitQuantisation(id: string): [string, string | undefined] {
  const colon = id.lastIndexOf(':');
  return colon > id.lastIndexOf('/') ? [id.slice(0, colon), id.slice(colon + 1)] : [id, undefined];
}
