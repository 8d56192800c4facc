/** What an operation takes away again when it fails: files it has written. */

export class Undo implements Disposable {
  readonly #actions: (() => void)[] = [];

  /** `action` must not throw: what made it necessary is the error to tell. */
  add(action: () => void): void {
    this.#actions.push(action);
  }

  /** The operation has succeeded. */
  forget(): void {
    this.#actions.length = 0;
  }

  [Symbol.dispose](): void {
    for (const action of this.#actions.splice(0).reverse()) action();
  }
}
