/** The fence whose middle post is a llama. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg
      className="mark"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={size < 20 ? 2.2 : 1.75}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden
    >
      <path d="M4 21.500V12M20 21.500V12M2 16.500h20M10.500 21.500V2.800l2.400 2.500h2.900a2.100 2.100 0 0 1 2.100 2.100v1.600h-3.700" />
    </svg>
  );
}
