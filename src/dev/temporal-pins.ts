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

/** SHA-256 of the released archives, by platform and architecture. Windows has none: there it is built or on PATH. */
export const archives: Readonly<Record<string, string>> = {
  linux_amd64: 'ddc95e08b0b076efd4ea9733a3f488eb7d2be875f8834e616cd2a37358b4852d',
  linux_arm64: 'bd1b0db9f18b051026de8bf6cc1505f2510f14bbb7a8b9a4a91fff46c77454f5',
  darwin_amd64: 'bbb73e2a31135abe50a1f1cdb35030c42961df618e8ce9c60ae89f201540c5d9',
  darwin_arm64: 'cca01b7ea35ad56e2a328d9ae596bf716bd22313ef63c7a761c88354457c2415',
}
