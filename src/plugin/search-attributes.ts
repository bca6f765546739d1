import type { NativeConnection } from '@temporalio/worker'
import { SEARCH_ATTRIBUTE } from '../protocol/names.js'

/** Whether the namespace has registered both search attributes. Asked once; a server that won't tell has not. */
export function searchAttributesOf(connection: NativeConnection, namespace: string): () => Promise<boolean> {
  let known: Promise<boolean> | undefined
  const ask = async (): Promise<boolean> => {
    try {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
      return Object.values(SEARCH_ATTRIBUTE).every((name) => Object.hasOwn(customAttributes, name))
    } catch {
      return false
    }
  }
  return () => (known ??= ask())
}
