import { isGrpcServiceError, WorkflowUpdateFailedError } from '@temporalio/client'
import { NamespaceNotFoundError, PayloadConverterError, ValueError } from '@temporalio/common'
import { reasonOf } from '../../errors/base.js'

/** What a failed call means: for its item, or for all of them. */
export interface Meaning {
  readonly of: 'refused' | 'again' | 'unauthorized'
  readonly reason: string
}

const INVALID_ARGUMENT = 3
const NOT_FOUND = 5
const PERMISSION_DENIED = 7
const RESOURCE_EXHAUSTED = 8
const UNAUTHENTICATED = 16

export function meaningOf(error: unknown): Meaning {
  if (error instanceof WorkflowUpdateFailedError) return { of: 'refused', reason: chain(error) }
  if (error instanceof NamespaceNotFoundError) return { of: 'unauthorized', reason: error.message }
  const grpc = find(error, isGrpcServiceError)
  if (grpc !== undefined) {
    const { code, details } = grpc as Error & { readonly code: number; readonly details?: string }
    const reason = details === undefined || details === '' ? reasonOf(grpc) : details
    // Sent again, it will be just as large.
    const isTooLarge = code === RESOURCE_EXHAUSTED && /larger than max/i.test(reason)
    if (code === INVALID_ARGUMENT || isTooLarge) return { of: 'refused', reason }
    // A start finds nothing missing but its namespace.
    const isClosed = code === PERMISSION_DENIED || code === UNAUTHENTICATED || code === NOT_FOUND
    return { of: isClosed ? 'unauthorized' : 'again', reason }
  }
  // What can't be made a payload of.
  const isOwn = error instanceof PayloadConverterError || error instanceof ValueError || error instanceof TypeError
  return { of: isOwn ? 'refused' : 'again', reason: chain(error) }
}

function find(error: unknown, is: (error: unknown) => boolean): Error | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (is(at)) return at
  return undefined
}

/** The SDK's own messages say little: what caused them says it. */
function chain(error: unknown): string {
  const messages: string[] = []
  for (let at = error; at instanceof Error && messages.length < 4; at = at.cause) messages.push(at.message)
  return messages.length === 0 ? String(error) : [...new Set(messages)].join(': ')
}
