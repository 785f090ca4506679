import { samplingDefaults } from '../../contracts/sampling-defaults.ts';

/** What Gradio's clients learn about this server: components, functions and their parameters, as data. */

export interface GradioParameter {
  /** Its name as a keyword argument. */
  name: string;
  label: string;
  component: 'Textbox' | 'Slider' | 'JSON';
  /** As Gradio's own components say it: other words of JSON schema stop Python's client while it connects. */
  type: { type: 'string' | 'number' } | { type: Record<string, never>; description: string };
  pythonType: string;
  default: unknown;
  /** Without a default it has to be given. */
  isRequired?: true;
  minimum?: number;
  maximum?: number;
  step?: number;
}

const slider = (
  name: string,
  label: string,
  value: number,
  [minimum, maximum, step]: [number, number, number],
): GradioParameter => ({
  name,
  label,
  component: 'Slider',
  type: { type: 'number' },
  pythonType: 'float',
  default: value,
  minimum,
  maximum,
  step,
});

const message: GradioParameter = {
  name: 'message',
  label: 'Message',
  component: 'Textbox',
  type: { type: 'string' },
  pythonType: 'str',
  default: null,
  isRequired: true,
};

export const chatParameters: readonly GradioParameter[] = [
  message,
  {
    name: 'system_message',
    label: 'System message',
    component: 'Textbox',
    type: { type: 'string' },
    pythonType: 'str',
    default: '',
  },
  slider('temperature', 'Temperature', samplingDefaults.temperature, [0, 5, 0.05]),
  slider('top_k', 'Top-k', samplingDefaults.topK, [0, 1000, 1]),
  slider('top_p', 'Top-p', samplingDefaults.topP, [0.01, 1, 0.01]),
  slider('repetition_penalty', 'Repetition penalty', samplingDefaults.repetitionPenalty, [0.01, 5, 0.01]),
  slider('max_new_tokens', 'Max new tokens', samplingDefaults.maxNewTokens, [1, 32768, 1]),
  {
    name: 'history',
    label: 'History (overrides what this session remembers)',
    component: 'JSON',
    type: { type: {}, description: 'any valid json' },
    pythonType: 'list | None',
    default: null,
  },
];

export interface GradioFunction {
  /** From 1: the JavaScript client takes 0 for missing. */
  id: number;
  name: 'chat' | 'predict' | 'clear';
  description: string;
  parameters: readonly GradioParameter[];
  /** State goes in and out beside what is seen: the form of `Interface(['text', 'state'])`. */
  hasState: boolean;
  hasAnswer: boolean;
}

export const gradioFunctions: readonly GradioFunction[] = [
  {
    id: 1,
    name: 'chat',
    description: 'Says something and streams the answer. The session remembers what was said.',
    parameters: chatParameters,
    hasState: false,
    hasAnswer: true,
  },
  {
    id: 2,
    name: 'predict',
    description: 'Text in, answer out; the conversation is the state of the session.',
    parameters: [message],
    hasState: true,
    hasAnswer: true,
  },
  {
    id: 3,
    name: 'clear',
    description: 'Forgets what this session remembers.',
    parameters: [],
    hasState: false,
    hasAnswer: false,
  },
];

const componentIds = new Map(chatParameters.map(({ name }, index) => [name, index + 1]));
const stateId = 20;
const answerId = 21;

function component(parameter: GradioParameter): object {
  const { name, label, minimum, maximum, step } = parameter;
  const range = minimum === undefined ? {} : { minimum, maximum, step };
  return {
    id: componentIds.get(name),
    type: parameter.component.toLowerCase(),
    props: { name, label, value: parameter.default, ...range },
    skip_api: false,
    component_class_id: '',
    ...described(parameter.type, parameter.default),
  };
}

/** What clients know of a component's values, in the three places where they look. */
function described(type: object, example: unknown): object {
  return { api_info: type, api_info_as_input: type, api_info_as_output: type, example_inputs: example };
}

const stateComponent = {
  id: stateId,
  type: 'state',
  props: { name: 'state', label: 'state', value: null },
  // Without a schema: Python's client takes every `api_info` that is there for one.
  skip_api: true,
  component_class_id: '',
};

const answerComponent = {
  id: answerId,
  type: 'textbox',
  props: { name: 'response', label: 'response', value: null },
  skip_api: false,
  component_class_id: '',
  ...described({ type: 'string' }, null),
};

function dependency({ id, name, parameters, hasState, hasAnswer }: GradioFunction): object {
  const inputs = parameters.map((parameter) => componentIds.get(parameter.name));
  const state = hasState ? [stateId] : [];
  return {
    id,
    api_name: name,
    inputs: [...inputs, ...state],
    outputs: [...(hasAnswer ? [answerId] : []), ...state],
    targets: [],
    backend_fn: true,
    js: null,
    queue: true,
    types: { generator: hasAnswer, cancel: false },
    connection: 'sse',
    api_visibility: 'public',
    show_api: true,
    cancels: [],
    batch: false,
    max_batch_size: 4,
    scroll_to_output: false,
    show_progress: 'full',
    trigger_after: null,
    trigger_only_on_success: false,
    collects_event_data: false,
    rendered_in: null,
    zerogpu: false,
  };
}

export interface GradioIdentity {
  title: string;
  description: string;
  appId: number;
}

export function gradioConfig({ title, description, appId }: GradioIdentity): object {
  return {
    // Newer than every feature that its clients ask for; our own version would be too old for them.
    version: '6.25.0',
    mode: 'chat_interface',
    protocol: 'sse_v3',
    api_prefix: '/gradio_api',
    app_id: appId,
    enable_queue: true,
    show_error: true,
    show_api: true,
    is_space: false,
    space_id: null,
    is_colab: false,
    // A script with the JavaScript client would never end while it holds a heartbeat.
    connect_heartbeat: false,
    dev_mode: false,
    analytics_enabled: false,
    max_file_size: null,
    username: null,
    theme: 'default',
    title,
    description,
    page: {},
    pages: [],
    current_page: '',
    stylesheets: [],
    layout: { id: 0, children: [] },
    components: [...chatParameters.map(component), stateComponent, answerComponent],
    dependencies: gradioFunctions.map(dependency),
  };
}

function parameterInfo(parameter: GradioParameter): object {
  return {
    label: parameter.label,
    parameter_name: parameter.name,
    parameter_has_default: parameter.isRequired !== true,
    parameter_default: parameter.default,
    type: parameter.type,
    python_type: { type: parameter.pythonType, description: '' },
    component: parameter.component,
    example_input: parameter.isRequired === true ? 'Hello' : parameter.default,
  };
}

const answerInfo = {
  label: 'Response',
  type: { type: 'string' },
  python_type: { type: 'str', description: '' },
  component: 'Textbox',
};

export function gradioInfo(): object {
  const endpoints = gradioFunctions.map((it) => [
    `/${it.name}`,
    {
      parameters: it.parameters.map(parameterInfo),
      returns: it.hasAnswer ? [answerInfo] : [],
      api_visibility: 'public',
      show_api: true,
      description: it.description,
    },
  ]);
  return { named_endpoints: Object.fromEntries(endpoints) as object, unnamed_endpoints: {} };
}
