const grouped = new Intl.NumberFormat('en-US')

/** `12,345` */
export const count = (n: number): string => grouped.format(n)

/** `312 B`, `1.5 KiB`, `20 MiB`. */
export function bytes(n: number): string {
  if (n < 1024) return `${n} B`
  const [size, unit] = n < 1024 * 1024 ? [n / 1024, 'KiB'] : [n / (1024 * 1024), 'MiB']
  return `${size < 10 ? size.toFixed(1) : count(Math.round(size))} ${unit}`
}

/** A position as people read it: decimal ones grouped, others as they are. */
export function position(text: string): string {
  return /^\d{1,15}$/.test(text) ? count(Number(text)) : text
}

/** `1 task`, `2 tasks` */
export const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? '' : 's'}`

/** `2 s ago`, `3 min ago`, `5 h ago`, `2 d ago`. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 90) return `${seconds} s ago`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h ago`
  return `${Math.round(seconds / 86_400)} d ago`
}
