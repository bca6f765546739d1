/** Files: as a sink, one per commit, exactly-once; and as a place for state. */
export { fileSink, type FileSinkOptions } from './file-sink.js'
export { fileState, type FileStateOptions } from './file-state.js'
