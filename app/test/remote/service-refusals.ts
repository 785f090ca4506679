interface RefusalFixture {
  service: string;
  status: number;
  body: unknown;
  code: string;
  words?: string;
  kind?: 'tgi';
}

/** How each service says no; `code` is what a person hears from us, and `words` what is told of the service's. */
export const refusals: RefusalFixture[] = [
  {
    service: 'OpenAI, wrong key',
    status: 401,
    body: {
      error: {
        message: 'Incorrect API key provided: secret-key-1.',
        type: 'invalid_request_error',
        code: 'invalid_api_key',
      },
    },
    code: 'provider-key-refused',
  },
  { service: 'vLLM, wrong key', status: 401, body: { error: 'Unauthorized' }, code: 'provider-key-refused' },
  {
    service: 'router, wrong token',
    status: 401,
    body: { error: 'Invalid username or password.' },
    code: 'provider-key-refused',
  },
  {
    service: 'router, credits used up',
    status: 402,
    body: { error: 'You have exceeded your monthly included credits for Inference Providers.' },
    code: 'provider-payment-required',
  },
  {
    service: 'OpenRouter, no credits',
    status: 402,
    body: { error: { message: 'Insufficient credits', code: 402 } },
    code: 'provider-payment-required',
  },
  {
    service: 'router, token without the permission',
    status: 403,
    body: {
      error: 'This authentication method does not have sufficient permissions to call Inference Providers.',
    },
    code: 'provider-forbidden',
  },
  {
    service: 'vLLM, other model',
    status: 404,
    body: {
      error: { message: 'The model `x` does not exist.', type: 'NotFoundError', param: 'model', code: 404 },
    },
    code: 'provider-model-unknown',
  },
  {
    service: 'older vLLM, other model',
    status: 404,
    body: {
      object: 'error',
      message: 'The model `x` does not exist.',
      type: 'NotFoundError',
      param: null,
      code: 404,
    },
    code: 'provider-model-unknown',
  },
  {
    service: 'router, nobody serves it',
    status: 400,
    body: {
      error: {
        message:
          "The requested model 'tiiuae/falcon-7b-instruct' is not supported by any provider you have enabled.",
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_supported',
      },
    },
    code: 'provider-model-unknown',
  },
  {
    service: 'another Corral, other model',
    status: 404,
    body: {
      error: {
        message: 'there is no model "x" here',
        type: 'not_found_error',
        param: 'model',
        code: 'model_unknown',
      },
    },
    code: 'provider-model-unknown',
  },
  {
    service: 'OpenAI, too long',
    status: 400,
    body: {
      error: {
        message: "This model's maximum context length is 4097 tokens.",
        type: 'invalid_request_error',
        param: 'messages',
        code: 'context_length_exceeded',
      },
    },
    code: 'context-too-long',
  },
  {
    service: 'vLLM, too long',
    status: 400,
    body: {
      error: {
        message: "This model's maximum context length is 2048 tokens. However, you requested 3000 tokens.",
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
    },
    code: 'context-too-long',
  },
  {
    service: 'vLLM since 0.16, too long',
    status: 400,
    body: {
      error: {
        message:
          "You passed 10243 input tokens and requested 6142 output tokens. However, the model's context length is only 16384 tokens, resulting in a maximum input length of 10242 tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=10243)",
        type: 'BadRequestError',
        param: 'input_tokens',
        code: 400,
      },
    },
    code: 'context-too-long',
  },
  {
    service: 'Together, too long',
    status: 422,
    body: {
      error: {
        message:
          "Input validation error: The sum of 'inputs' tokens and 'max_new_tokens' must not exceed 4097. Please adjust your inputs accordingly.",
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
    },
    code: 'context-too-long',
  },
  {
    service: 'llama-server, too long',
    status: 400,
    body: {
      error: {
        code: 400,
        message: 'the request exceeds the available context size',
        type: 'exceed_context_size_error',
      },
    },
    code: 'context-too-long',
  },
  {
    service: 'TGI, too long',
    status: 422,
    body: {
      error:
        'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 2000 `inputs` tokens and 512 `max_new_tokens`',
      error_type: 'validation',
    },
    code: 'context-too-long',
    kind: 'tgi',
  },
  {
    service: 'OpenAI, too often',
    status: 429,
    body: { error: { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' } },
    code: 'provider-rate-limited',
  },
  {
    service: 'OpenAI, no quota',
    status: 429,
    body: {
      error: {
        message: 'You exceeded your current quota',
        type: 'insufficient_quota',
        code: 'insufficient_quota',
      },
    },
    code: 'provider-payment-required',
  },
  {
    service: 'TGI, overloaded',
    status: 429,
    body: { error: 'Model is overloaded', error_type: 'overloaded' },
    code: 'provider-rate-limited',
    kind: 'tgi',
  },
  {
    service: 'llama-server, loading',
    status: 503,
    body: { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } },
    code: 'provider-unavailable',
  },
  {
    service: 'a bad value',
    status: 400,
    body: { error: { message: 'temperature must be non-negative', type: 'BadRequestError', code: 400 } },
    code: 'bad-request',
  },
  {
    service: 'Mistral, a field it does not know',
    status: 422,
    body: {
      object: 'error',
      message: {
        detail: [
          {
            type: 'extra_forbidden',
            loc: ['body', 'seed'],
            msg: 'Extra inputs are not permitted',
            input: 123,
          },
        ],
      },
      type: 'invalid_request_error',
      param: null,
      code: null,
    },
    code: 'bad-request',
    words: 'seed: Extra inputs are not permitted',
  },
  {
    service: 'a FastAPI, a value it does not take',
    status: 422,
    body: {
      detail: [
        { type: 'list_type', loc: ['body', 'stop', 0], msg: 'Input should be a valid string', input: 7 },
      ],
    },
    code: 'bad-request',
    words: 'stop.0: Input should be a valid string',
  },
];
