import { createHash } from 'node:crypto'
import type { Blueprint } from '../definition/blueprint.js'

/** Of plan and build (PROTOCOL §3.5). Where the worker has no build id, the code of the steps stands for it. */
export function codeFingerprint(blueprint: Blueprint, buildId: string): string {
  return createHash('sha256')
    .update(`${blueprint.fingerprint}\n${buildId === '' ? codeOf(blueprint) : buildId}`)
    .digest('hex')
    .slice(0, 32)
}

const codeOf = ({ stages }: Blueprint): string =>
  stages.flatMap((stage) => stage.steps.map(({ id, step }) => `${id} ${step.code ?? ''}`)).join('\n')
