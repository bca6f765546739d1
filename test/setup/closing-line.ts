import type { Reporter, TestModule } from 'vitest/node'

/**
 * Prints `N passed, N failed` as the last line of a test run. A file that can't be loaded, a hook that fails outside any
 * test, and an error that no test caught each count as a failure: none of them may look like success.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0
    let failed = unhandled.length
    for (const module of modules) {
      const before = failed
      for (const test of module.children.allTests()) {
        if (test.result().state === 'passed') passed++
        else if (test.result().state === 'failed') failed++
      }
      if (failed === before && module.state() === 'failed') failed++
    }
    process.stdout.write(`${passed} passed, ${failed} failed\n`)
  }
}
