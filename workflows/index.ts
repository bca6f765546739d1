/**
 * Tidemark's workflows, for replay and for bundles of one's own. The plugin's own worker runs them without anybody
 * re-exporting them. Sandbox-safe: reaches no Kafka, client or Node code.
 */
export { tidemarkLook } from './look.js'
export { tidemarkPipeline } from './pipeline.js'
export { tidemarkSavedTask, tidemarkSavepoint } from './savepoint.js'
export { tidemarkTask } from './task.js'
