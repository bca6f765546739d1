/** LMDB: values of a worker's state on its disk instead of in its memory. */
export { lmdbStore, type LmdbStoreOptions } from './lmdb-store.js'
