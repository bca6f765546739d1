/** A key of records at some time, as one of a table: those of one time are in the order of keys. */
export const timedKey = (time: number, key: string): string => `${time} ${key}`

export const keyIn = (entry: string): string => entry.slice(entry.indexOf(' ') + 1)

/** The key, then the time. */
export const partsIn = (entry: string): readonly string[] => [keyIn(entry), entry.slice(0, entry.indexOf(' '))]
