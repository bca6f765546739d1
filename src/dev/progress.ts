/** Takes one line of progress, without a line end. Called rarely: a few times per server and every 15 s in a long build. */
export type OnProgress = (line: string) => void
