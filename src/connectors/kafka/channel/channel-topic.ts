import { createHash } from 'node:crypto'

/** In place of the namespace, until a worker knows it. No name of a topic has it. */
const UNKNOWN = '*'
const BEGINNING = `tidemark.${UNKNOWN}.`
/** What 249 characters leave, beside a pipeline's and a step's id, and 8 of a channel. */
const LONGEST = 80

/** The topic behind a repartition step, in a namespace yet to be known. Never changes: records lie in it. */
export const channelTopic = (pipeline: string, id: string): string => `${BEGINNING}${pipeline}.${id}-repartition`

/** The topic's name in a namespace; `channel`: of that one, where it isn't the first. Of any other topic: its name. */
export function topicIn(namespace: string, topic: string, channel?: string): string {
  if (!topic.startsWith(BEGINNING)) return topic
  const legal = namespace.replace(/[^A-Za-z0-9._-]/g, '-')
  // Two namespaces must not come to one topic.
  const plain = legal === namespace && legal.length <= LONGEST
  const hash = plain ? '' : `-${createHash('sha256').update(namespace).digest('hex').slice(0, 8)}`
  const end = channel === undefined ? '' : `-${channel}`
  return `tidemark.${legal.slice(0, LONGEST)}${hash}.${topic.slice(BEGINNING.length)}${end}`
}
