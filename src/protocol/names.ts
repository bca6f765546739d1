/**
 * Names that workflows, workers, clients and people share. They are part of running histories: never change one.
 * Sandbox-safe.
 */

export const PIPELINE_WORKFLOW = 'tidemarkPipeline'
export const TASK_WORKFLOW = 'tidemarkTask'
export const LOOK_WORKFLOW = 'tidemarkLook'
export const SAVEPOINT_WORKFLOW = 'tidemarkSavepoint'
export const SAVED_TASK_WORKFLOW = 'tidemarkSavedTask'
export const DEFAULT_TASK_QUEUE = 'tidemark'

/** The pipeline's workflow id: what `temporal workflow start --workflow-id` is given. */
export const pipelineWorkflowId = (pipeline: string): string => `tidemark/${pipeline}`

/** The task's workflow id. Pipeline and stage names hold no '/', so it reads back. */
export const taskWorkflowId = (pipeline: string, stage: string, partition: number): string =>
  `tidemark/${pipeline}/${stage}/${partition}`

/** Open for as long as the savepoint is kept. A label begins with a letter, so no task of a stage `savepoint` is called so. */
export const savepointWorkflowId = (pipeline: string, label: string): string =>
  `${pipelineWorkflowId(pipeline)}/savepoint/${label}`

/** Holds one task's checkpoint: its input. `id`: of the savepoint; the first ones had none. */
export const savedTaskWorkflowId = (
  pipeline: string,
  { label, id }: { readonly label: string; readonly id?: string | undefined },
  stage: string,
  partition: number,
): string => `${savepointWorkflowId(pipeline, label)}/${stage}/${partition}${id === undefined ? '' : `/${id}`}`

/** Claims have a queue of their own: a worker at its task limit stops polling it, which a shared queue can't express. */
export const claimsQueue = (taskQueue: string): string => `${taskQueue}/claims`

/** Activity types. The dotted prefix keeps them apart from users' own. */
export const ACTIVITY = {
  describePipeline: 'tidemark.describePipeline',
  discoverPartitions: 'tidemark.discoverPartitions',
  takeOver: 'tidemark.takeOver',
  fenceGone: 'tidemark.fenceGone',
  claim: 'tidemark.claim',
  runEpoch: 'tidemark.runEpoch',
  interrupt: 'tidemark.interrupt',
  release: 'tidemark.release',
  look: 'tidemark.look',
  presence: 'tidemark.presence',
  keepCheckpoint: 'tidemark.keepCheckpoint',
  dropSavepoint: 'tidemark.dropSavepoint',
} as const

/** Search attributes, set only where the namespace has registered them (both of type Keyword). */
export const SEARCH_ATTRIBUTE = { pipeline: 'TidemarkPipeline', state: 'TidemarkState' } as const
