const WIDTH = 32
const number = new Intl.NumberFormat('en-US')

export const count = (value: number): string => number.format(value)

/** A bar on a terminal; elsewhere a line for each quarter. */
export class ProgressBar {
  private readonly what: string
  private readonly total: number
  private readonly out: NodeJS.WriteStream
  private quarters = 0

  constructor(what: string, total: number, out: NodeJS.WriteStream = process.stdout) {
    this.what = what
    this.total = total
    this.out = out
  }

  show(done: number): void {
    const share = Math.min(1, done / this.total)
    if (this.out.isTTY) {
      const filled = Math.round(share * WIDTH)
      this.out.write(`\r${this.label()} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${this.figures(done)}`)
    } else if (Math.floor(share * 4) > this.quarters) {
      this.quarters = Math.floor(share * 4)
      this.out.write(`${this.label()} ${this.figures(done)}\n`)
    }
  }

  /** Leaves the line; call it once. */
  end(): void {
    if (this.out.isTTY) this.out.write('\n')
  }

  private label(): string {
    return this.what.padEnd(10)
  }

  private figures(done: number): string {
    return `${count(done)} of ${count(this.total)}`
  }
}
