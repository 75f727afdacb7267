/** The later ones win; `undefined` gives way, as it means the default wherever an option is. */
export function mergeOptions<Options extends object>(...layers: readonly Options[]): Options {
  const given = layers.flatMap((layer) => Object.entries(layer).filter(([, value]) => value !== undefined));
  // true: each entry comes from an Options
  return Object.fromEntries(given) as Options;
}
