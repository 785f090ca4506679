/** Who is not answered in this time asked through a line that died in the browser's stock; the next try takes another. */
export const answerMs = 10_000;

const pausesMs = [250, 500, 1_000, 2_000, 4_000];

/** How long to rest before the next try: longer each time it comes to nothing. */
export const pauseMs = (failures: number): number => pausesMs[failures] ?? 8_000;
