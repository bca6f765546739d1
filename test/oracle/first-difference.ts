/** Where lines differ first from those that are wanted, in words; empty where they don't. */
export function firstDifference(where: string, wanted: readonly string[], found: readonly string[]): string[] {
  const longer = wanted.length > found.length ? wanted : found
  const at = longer.findIndex((_, n) => wanted[n] !== found[n])
  return at < 0 ? [] : [`${where}, line ${at}: ${found[at]} instead of ${wanted[at]}`]
}
