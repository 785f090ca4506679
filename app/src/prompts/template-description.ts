export interface TemplateFinding {
  code: 'double-bos' | 'missing-end' | 'role-order' | 'unknown-template' | 'render-failed';
  message: string;
}

export interface TemplateDescription {
  /** Where the prompt format comes from: the file's own template, its family, or the person's choice. */
  source: 'file' | 'family' | 'chosen' | 'service';
  /** Name of a built-in format, or `file`. */
  name: string;
  /** sha256 of the template text, hex. */
  hash: string;
  findings: TemplateFinding[];
}
