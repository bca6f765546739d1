/** HTTP as a sink: a request per value, at-least-once, or once per id where the service says so. */
export type { HttpConnection } from './http-connection.js'
export { httpSink, type HttpSinkOptions } from './http-sink.js'
