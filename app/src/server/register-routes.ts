import type { FastifyInstance } from 'fastify';
import { registerApiDocs, registerOpenApi } from './api-docs.ts';
import { registerGradio } from './gradio/gradio-routes.ts';
import { registerOpenAi } from './openai/openai-routes.ts';
import { registerChatRoutes } from './routes/chat-routes.ts';
import { registerModelRoutes } from './routes/model-routes.ts';
import { registerOperationRoutes } from './routes/operation-routes.ts';
import { registerRunRoutes } from './routes/run-routes.ts';
import { registerSettingsRoutes } from './routes/settings-routes.ts';
import { registerSystemRoutes } from './routes/system-routes.ts';
import { registerTransferRoutes } from './routes/transfer-routes.ts';
import type { ServerContext } from './server-context.ts';
import { registerStaticPage } from './static-page.ts';
import { registerTgi } from './tgi/tgi-routes.ts';

export async function registerRoutes(app: FastifyInstance, context: ServerContext): Promise<void> {
  await registerOpenApi(app, context);
  registerChatRoutes(app, context);
  registerRunRoutes(app, context);
  registerModelRoutes(app, context);
  registerSettingsRoutes(app, context);
  registerSystemRoutes(app, context);
  registerTransferRoutes(app, context);
  registerOperationRoutes(app, context);
  registerOpenAi(app, context);
  registerTgi(app, context);
  registerGradio(app, context);
  registerApiDocs(app);
  registerStaticPage(app, context);
}
