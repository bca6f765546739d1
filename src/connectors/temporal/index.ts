/** Temporal workflows as sinks: one is started, or updated, per value, by an id that is the same on every attempt. */
export {
  workflowSink,
  type WorkflowSinkOptions,
  workflowUpdateSink,
  type WorkflowUpdateSinkOptions,
} from './workflow-sink.js'
