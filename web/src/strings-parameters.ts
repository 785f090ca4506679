/** What the numbers of the side panel are called and do. */
export const parameterStrings = {
  temperature: {
    label: 'Temperature',
    why: 'Higher is bolder, lower is plainer; 0 always takes the likeliest word.',
  },
  topK: {
    label: 'Top-k',
    why: 'Only this many of the likeliest tokens are considered; 0 considers all.',
  },
  topP: {
    label: 'Top-p',
    why: 'Only the likeliest tokens that together reach this share are considered.',
  },
  minP: {
    label: 'Min-p',
    why: 'Drops tokens less likely than this share of the likeliest one.',
  },
  repetitionPenalty: {
    label: 'Repetition penalty',
    why: 'Above 1 makes words that were just used less likely.',
  },
  maxNewTokens: {
    label: 'Max new tokens',
    why: 'An answer ends here at the latest; it can be continued.',
  },
  seed: {
    label: 'Seed',
    why: 'The same seed, prompt and settings draw alike; empty draws a new one each time.',
    emptyMeans: 'random',
  },
  rememberExchanges: {
    label: 'Remembered exchanges',
    why: 'How many past exchanges the model is shown at most; empty shows all that fit.',
    emptyMeans: 'all that fit',
  },
  contextTokens: {
    label: 'Context',
    why: 'Tokens the model may look at at once; more takes more memory.',
    emptyMeans: 'the server’s',
  },
  frequencyPenalty: {
    label: 'Frequency penalty',
    why: 'Makes a token less likely with each time it was used.',
  },
  presencePenalty: {
    label: 'Presence penalty',
    why: 'Makes a token less likely once it was used.',
  },
  penaltyWindow: {
    label: 'Penalty window',
    why: 'How many tokens back the penalties look; -1 looks at everything.',
  },
  typicalP: {
    label: 'Typical-p',
    why: 'Considers the tokens that are about as surprising as is usual here, up to this share; 1 is off.',
    emptyMeans: 'off',
  },
  xtcProbability: {
    label: 'XTC probability',
    why: 'How often the likeliest tokens are left out, down to the last likely one; 0 is off.',
    emptyMeans: 'off',
  },
  xtcThreshold: {
    label: 'XTC threshold',
    why: 'From this share on a token counts as likely for XTC; above 0.5 nothing is left out.',
  },
  dynamicTemperatureRange: {
    label: 'Dynamic temperature',
    why: 'The temperature goes down by up to this much where the model is sure, and up where it is not; 0 is off.',
    emptyMeans: 'off',
  },
  dynamicTemperatureExponent: {
    label: 'Dynamic temperature exponent',
    why: 'Above 1 the temperature rises only where the model is very unsure.',
  },
  mirostat: {
    label: 'Mirostat',
    why: 'Steers how surprising the answer is, in place of top-k, top-p, min-p and the like: 1 or 2; 0 is off.',
    emptyMeans: 'off',
  },
  mirostatTau: {
    label: 'Mirostat goal',
    why: 'The surprise that Mirostat aims at, in bits; lower is plainer.',
  },
  mirostatEta: {
    label: 'Mirostat speed',
    why: 'How fast Mirostat steers after each token.',
  },
  dryMultiplier: {
    label: 'DRY strength',
    why: 'Makes going on with something that was said before less likely; 0 is off, 0.8 is usual.',
    emptyMeans: 'off',
  },
  dryBase: {
    label: 'DRY base',
    why: 'How much stronger DRY grows with each token that a repetition is longer.',
  },
  dryAllowedLength: {
    label: 'DRY allowed length',
    why: 'Repetitions of up to this many tokens are free.',
  },
  dryWindow: {
    label: 'DRY window',
    why: 'How many tokens back DRY looks; -1 looks at everything.',
    emptyMeans: 'all',
  },
} as const;
