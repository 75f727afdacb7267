// As much of a browser as the page's script uses. Text and attributes are kept apart from elements, as in a real one: what was set as text
// can never become an element.

/** An element, or a text node (which has no tag). */
export class FakeNode {
  childNodes: FakeNode[] = [];
  parent: FakeNode | undefined;
  readonly attributes = new Map<string, string>();
  readonly listeners = new Map<string, (event: unknown) => void>();
  readonly classList = { toggle: (): void => undefined };
  className = '';
  hidden = false;
  disabled = false;
  options: FakeNode[] = [];
  value = '';

  constructor(
    readonly tag: string | undefined,
    readonly data = '',
  ) {}

  get children(): FakeNode[] {
    return this.childNodes.filter(({ tag }) => tag !== undefined);
  }
  get childElementCount(): number {
    return this.children.length;
  }
  get firstChild(): FakeNode | null {
    return this.childNodes[0] ?? null;
  }
  get nextSibling(): FakeNode | null {
    const siblings = this.parent?.childNodes ?? [];
    return siblings[siblings.indexOf(this) + 1] ?? null;
  }
  get textContent(): string {
    return this.tag === undefined ? this.data : this.childNodes.map(({ textContent }) => textContent).join('');
  }
  set textContent(text: string) {
    this.replaceChildren(new FakeNode(undefined, text));
  }
  append(...nodes: FakeNode[]): void {
    for (const node of nodes) this.insertBefore(node, null);
  }
  insertBefore(node: FakeNode, before: FakeNode | null): void {
    node.remove();
    const index = before === null ? this.childNodes.length : this.childNodes.indexOf(before);
    this.childNodes.splice(index, 0, node);
    node.parent = this;
  }
  replaceChildren(...nodes: FakeNode[]): void {
    this.childNodes = [];
    this.append(...nodes);
  }
  remove(): void {
    if (this.parent !== undefined) this.parent.childNodes = this.parent.childNodes.filter((one) => one !== this);
    this.parent = undefined;
  }
  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }
  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }
  addEventListener(event: string, listener: (event: unknown) => void): void {
    this.listeners.set(event, listener);
  }
  /** Itself and everything in it. */
  all(): FakeNode[] {
    return [this, ...this.childNodes.flatMap((child) => child.all())];
  }
}

/** `document`, with elements for whatever id is asked for. */
export class FakeDocument {
  visibilityState = 'visible';
  readonly byId = new Map<string, FakeNode>();
  readonly listeners = new Map<string, () => void>();

  getElementById(id: string): FakeNode {
    const node = this.byId.get(id) ?? new FakeNode('section');
    this.byId.set(id, node);
    return node;
  }
  createElement(tag: string): FakeNode {
    return new FakeNode(tag);
  }
  createTextNode(text: string): FakeNode {
    return new FakeNode(undefined, text);
  }
  querySelectorAll(): FakeNode[] {
    return [];
  }
  addEventListener(event: string, listener: () => void): void {
    this.listeners.set(event, listener);
  }
  /** Every node of the page. */
  all(): FakeNode[] {
    return [...this.byId.values()].flatMap((node) => node.all());
  }
}
