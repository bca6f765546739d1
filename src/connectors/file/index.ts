/** Files as a sink: one per commit, exactly-once. */
export { fileSink, type FileSinkOptions } from './file-sink.js'
