/** What a Temporal CLI download or build must be. The versions are here and nowhere else. */

export const TEMPORAL_VERSION = 'v1.5.1'

/** The oldest server whose `start-dev` is taken from PATH, as major * 1000 + minor. */
export const LOWEST_SERVER = 1_028

/**
 * The Go module's hash as in the Go checksum database. The module holds a go.sum, so this one hash pins the source of the
 * CLI and of everything that it is built from.
 */
export const goModule = {
  path: 'github.com/temporalio/cli',
  command: './cmd/temporal',
  sum: 'h1:0RZMk14BWxz44Xg6ciDQvpfAMffoG3J7/K03ql80teY=',
} as const
