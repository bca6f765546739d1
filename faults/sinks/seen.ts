/** Outputs in the order in which a reader has seen them, by partition. */
export class SeenOutputs {
  readonly lines = new Map<number, string[]>()

  take(partition: number, line: string): void {
    const lines = this.lines.get(partition)
    if (lines === undefined) this.lines.set(partition, [line])
    else lines.push(line)
  }
}
