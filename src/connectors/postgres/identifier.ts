/** A name as SQL takes it, whatever is in it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** `schema.table` or `table`, each part quoted. */
export const quotedTable = (table: string): string => table.split('.').map(quoted).join('.')
