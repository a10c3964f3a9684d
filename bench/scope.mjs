// What was started must be stopped, in reverse order, however a measurement ends.
export class Scope {
  #steps = [];

  defer(step) {
    this.#steps.push(step);
  }

  /** Keeps something that has `stop()`. */
  keep(started) {
    this.defer(() => started.stop());
    return started;
  }

  /** A scope that ends with this one at the latest. */
  nested() {
    const scope = new Scope();
    this.defer(() => scope.close());
    return scope;
  }

  async close() {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        console.error("while stopping:", error);
      }
    }
  }
}
