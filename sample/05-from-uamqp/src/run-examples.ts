import type { Example, World } from './example.js';

/** Runs one after the other and writes a line for each; answers how many did not come to what they must. */
export async function runExamples(
  world: World,
  examples: readonly Example[],
  write: (text: string) => void,
): Promise<number> {
  const { product, version, profile } = world.connection.peer ?? {};
  write(`uamqp's examples on ${product ?? profile ?? 'an unknown peer'} ${version ?? ''}\n\n`);
  let failed = 0;
  for (const { title, uamqp, run } of examples) {
    let mark = 'ok  ';
    let words: string;
    try {
      words = await run(world);
    } catch (error) {
      failed += 1;
      mark = 'FAIL';
      words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    write(`${mark} ${title.padEnd(22)} ${uamqp.padEnd(44)} ${words}\n`);
  }
  write(`\n${examples.length - failed} of ${examples.length} examples came to what they must\n`);
  return failed;
}
