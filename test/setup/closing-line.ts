import type { Reporter, TestModule } from 'vitest/node'

/**
 * Prints `N passed, N failed` as the very last line of a test run, after what global teardown prints. A file that can't be
 * loaded, a hook that fails and an error that no test caught each count as a failure, and so does a run that fails without
 * any of these (servers that can't be had, no test found): nothing that went wrong may look like success.
 */
export default class ClosingLine implements Reporter {
  #passed = 0
  #failed = 0

  onInit(): void {
    process.once('exit', (code) => {
      const failed = code !== 0 && this.#failed === 0 ? 1 : this.#failed
      process.stdout.write(`${this.#passed} passed, ${failed} failed\n`)
    })
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    this.#passed = 0
    this.#failed = unhandled.length
    for (const module of modules) {
      for (const broken of [module, ...module.children.allSuites()]) {
        if (broken.errors().length > 0) this.#failed++
      }
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') this.#passed++
        else if (state === 'failed') this.#failed++
      }
    }
  }
}
