// The environment of every spec. It is Node's, plus a look at what each test leaves behind: sockets, servers, child processes and timers that
// are still there after its `afterEach` hooks, MaxListeners warnings, and anything that the library wrote to the console. (A hook in a set-up
// file would run before the `afterEach` of the spec itself, and would see what that is about to close.) A spec can be excused in its first
// comment: `@jest-environment-options {"leaks": false}`.

/* oxlint-disable no-underscore-dangle -- Node has no other name for these */

import { TestEnvironment as NodeEnvironment } from 'jest-environment-node';

const CONSOLE_METHODS = ['debug', 'error', 'info', 'log', 'trace', 'warn'];
const LIBRARY_FRAME = /[\\/](lib|node_modules[\\/]rhea(-promise)?)[\\/]/;
const NOT_LIBRARY_FRAME = /leak-environment|node_modules[\\/](?!rhea)/;

/** What makes a handle a leak, in words; `undefined` when it is none of ours. */
function describeHandle(handle) {
  const kind = handle?.constructor?.name;
  if (kind === 'Socket' || kind === 'TLSSocket') {
    // Pipes of the test runner and standard streams have no port.
    if (handle.remotePort === undefined && handle.connecting !== true) return undefined;
    return `a ${kind} from port ${handle.localPort} to ${handle.remoteAddress}:${handle.remotePort}`;
  }
  if (kind === 'Server' && handle.address?.()?.port !== undefined) return `a server on port ${handle.address().port}`;
  if (kind === 'ChildProcess') return `the child process ${handle.pid} (${handle.spawnargs?.slice(1, 3).join(' ')})`;
  return undefined;
}

/** The first line of a stack that is not this file or a package's. */
function origin(error) {
  const lines = (error.stack ?? '').split('\n').slice(1);
  const own = lines.filter((line) => !line.includes('leak-environment') && !line.includes('node:internal'));
  return (own.find((line) => !line.includes('node_modules')) ?? own[0] ?? 'somewhere').trim();
}

const turn = async () => new Promise((resolve) => setImmediate(resolve));

/** Without a stack: no line of this file is of interest. */
function failure(who, report) {
  const error = new Error(`${who} left something behind:\n${report}`);
  error.stack = error.message;
  return error;
}

/** Jest's test environment of this project. */
export class LeakEnvironment extends NodeEnvironment {
  constructor(config, context) {
    super(config, context);
    const { leaks = true, graceMs = 2_000 } = config.projectConfig.testEnvironmentOptions;
    this.enabled = leaks !== false;
    this.graceMs = graceMs;
    this.reported = new WeakSet();
    this.timers = new Map();
    this.console = [];
    this.warnings = [];
    this.onWarning = (warning) => {
      if (warning.name === 'MaxListenersExceededWarning') this.warnings.push(warning);
    };
  }

  async setup() {
    await super.setup();
    if (!this.enabled) return;
    this.watchTimers('setTimeout');
    this.watchTimers('setInterval');
    process.on('warning', this.onWarning);
  }

  async teardown() {
    process.off('warning', this.onWarning);
    await super.teardown();
  }

  async handleTestEvent(event, state) {
    if (!this.enabled) return;
    if (event.name === 'setup') {
      this.watchConsole();
      this.atFirst = new Set(process._getActiveHandles());
    } else if (event.name === 'test_start') {
      this.before = new Set(process._getActiveHandles());
      this.forgetTimers();
      // What `beforeAll` opened may start timers during a test; then they are looked at when the file is done.
      const shared = [...this.before].filter((handle) => !this.atFirst.has(handle) && describeHandle(handle));
      const isShared = [...shared, ...this.timers.keys()].some((thing) => !this.reported.has(thing));
      this.timersBefore = isShared ? undefined : new Set();
    } else if (event.name === 'test_done' && this.before !== undefined) {
      const report = await this.report(this.before, this.timersBefore);
      if (report !== undefined) event.test.errors.push([failure('the test', report), undefined]);
    } else if (event.name === 'run_finish') {
      const report = await this.report(this.atFirst, new Set());
      if (report !== undefined) state.unhandledErrors.push([failure('the file', report), undefined]);
    }
  }

  /** What is still there, after a while in which it could go away. */
  async report(handlesBefore, timersBefore) {
    await turn();
    const end = performance.now() + this.graceMs;
    let left = this.leftovers(handlesBefore, timersBefore);
    // So many turns at least: the machine may have done something else in all that while.
    for (let round = 0; left.size > 0 && (round < 30 || performance.now() < end); round += 1) {
      // oxlint-disable-next-line no-await-in-loop -- looks again after a turn of the event loop
      await (round < 10 ? turn() : new Promise((resolve) => setTimeout(resolve, 5)));
      left = this.leftovers(handlesBefore, timersBefore);
    }
    for (const thing of left.keys()) this.reported.add(thing);
    const warnings = this.warnings.splice(0).map((warning) => `a warning: ${warning.message}`);
    const lines = [...left.values(), ...warnings, ...this.console.splice(0)];
    return lines.length === 0 ? undefined : lines.map((line) => `- ${line}`).join('\n');
  }

  leftovers(handlesBefore, timersBefore) {
    const left = new Map();
    for (const handle of process._getActiveHandles()) {
      const text = describeHandle(handle);
      if (text !== undefined && !handlesBefore.has(handle) && !this.reported.has(handle)) left.set(handle, text);
    }
    if (timersBefore === undefined) return left;
    this.forgetTimers();
    for (const [timer, { name, error }] of this.timers) {
      if (!timersBefore.has(timer) && !this.reported.has(timer)) left.set(timer, `a ${name} ${origin(error)}`);
    }
    return left;
  }

  forgetTimers() {
    for (const timer of this.timers.keys()) {
      // Node marks a timer that has fired or was cleared; one that holds no process alive is nobody's business.
      if (timer._destroyed === true || timer.hasRef?.() === false) this.timers.delete(timer);
    }
  }

  watchTimers(name) {
    const original = this.global[name];
    const environment = this;
    function watched(...args) {
      const timer = original(...args);
      if (environment.timers.size >= 10_000) environment.forgetTimers();
      if (environment.timers.size < 10_000) environment.timers.set(timer, { name, error: new Error(name) });
      return timer;
    }
    Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original));
    this.global[name] = watched;
  }

  /** The library logs through the logger that it was given, never to the console. */
  watchConsole() {
    const { console } = this.global;
    const found = this.console;
    for (const method of CONSOLE_METHODS) {
      const original = console[method];
      console[method] = function watched(...args) {
        const lines = (new Error('console').stack ?? '').split('\n').slice(1);
        const caller = lines.find((line) => !NOT_LIBRARY_FRAME.test(line)) ?? '';
        if (LIBRARY_FRAME.test(caller)) found.push(`console.${method} was called ${caller.trim()}`);
        return Reflect.apply(original, console, args);
      };
    }
  }
}

// Jest takes the environment from the default export.
// oxlint-disable-next-line import/no-default-export
export default LeakEnvironment;
