/** One instruction of a Dockerfile: its name and what stands after it, continued lines joined. */
export interface Instruction {
  readonly name: string
  readonly rest: string
}

export interface Stage {
  /** What `COPY --from=` calls it; the last one has none. */
  readonly name: string | null
  readonly image: string
  readonly instructions: readonly Instruction[]
}

/** Reads the simple Dockerfiles that this project writes: comments, continued lines, stages. */
export function parseDockerfile(text: string): Stage[] {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
  const stages: { name: string | null; image: string; instructions: Instruction[] }[] = []
  for (const line of lines) {
    const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? []
    if (name === undefined || rest === undefined) throw new Error(`not an instruction: ${line}`)
    if (name === 'FROM') {
      const [image = '', , alias] = rest.split(/ (as) /i)
      stages.push({ name: alias ?? null, image, instructions: [] })
      continue
    }
    const stage = stages.at(-1)
    if (stage === undefined) throw new Error(`before the first FROM: ${line}`)
    stage.instructions.push({ name, rest })
  }
  return stages
}
