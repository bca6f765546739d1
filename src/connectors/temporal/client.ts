import { Client } from '@temporalio/client'
import { InvalidCommand } from '../../errors/control.js'

/** A worker's client, in that namespace. Throws `InvalidCommand` for what is none. */
export function clientFrom(given: unknown, name: string | undefined, namespace: string | undefined): Client {
  if (!isClient(given)) {
    const reason = `temporal connection '${name ?? 'default'}' must be a Client of @temporalio/client`
    throw new InvalidCommand({ command: 'connect', reason })
  }
  const { options, connection } = given
  if (namespace === undefined || namespace === options.namespace) return given
  const { identity, dataConverter, interceptors } = options
  return new Client({ connection, namespace, identity, dataConverter, interceptors })
}

/** By what it can do: it may come from another copy of the package. */
export function isClient(given: unknown): given is Client {
  if (typeof given !== 'object' || given === null) return false
  const { workflow, withDeadline } = given as Partial<Client>
  return typeof withDeadline === 'function' && typeof workflow?.start === 'function'
}
