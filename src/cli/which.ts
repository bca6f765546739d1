/** Some tasks of a pipeline, as flags name them. */
export interface WhichFlags {
  readonly partition?: number
  readonly stage?: string
}

/** `delays`, `delays: partition 3 of stage flights`. */
export function named(pipeline: string, { partition, stage }: WhichFlags): string {
  const parts = [
    ...(partition === undefined ? [] : [`partition ${partition}`]),
    ...(stage === undefined ? [] : [`stage ${stage}`]),
  ]
  return parts.length === 0 ? pipeline : `${pipeline}: ${parts.join(' of ')}`
}
