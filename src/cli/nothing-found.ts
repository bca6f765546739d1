import { CommandFailure } from './failure.js'

/** Epochs of which no task has any must not pass for epochs that are as they should be. */
export function refuseNothing(name: string, found: readonly { readonly from: number | null }[]): void {
  if (found.some(({ from }) => from !== null)) return
  throw new CommandFailure(`no task of ${name} has such epochs`, `see which there are: tidemark checkpoints ${name}`)
}
