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
      <path d="M4 21.500V12.500M20.500 21.500V12.500M2 16.500h5.200M16 16.500h6M8.500 21.500V5.500L7.800 2.300l3 2h3.900c1.900 0 3.100 1 3.100 2.500s-1.100 2.400-2.800 2.400h-1.500V21.500" />
    </svg>
  );
}
