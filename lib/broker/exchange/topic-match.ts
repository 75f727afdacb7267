/** Whether a topic exchange takes a routing key. Words are divided by dots; `*` stands for one word, `#` for any number of them, none included. */
export function topicMatches(pattern: string, routingKey: string): boolean {
  const wanted = pattern.split('.');
  const words = routingKey === '' ? [] : routingKey.split('.');
  if (pattern === '') return words.length === 0;
  // reachable[i]: the pattern so far matches the first i words. One row per pattern word, so that `#.#.#` costs no more than its length.
  let reachable = Array.from({ length: words.length + 1 }, (_, index) => index === 0);
  for (const part of wanted) {
    const next: boolean[] = [];
    for (let index = 0; index <= words.length; index++) {
      const fits = index > 0 && reachable[index - 1] === true && (part === '*' || part === words[index - 1]);
      next[index] = part === '#' ? reachable[index] === true || next[index - 1] === true : fits;
    }
    reachable = next;
  }
  return reachable[words.length] === true;
}
