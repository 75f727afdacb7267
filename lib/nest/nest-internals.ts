// The only file that imports Nest by deep path. The paths end in .js: so they resolve on Nest 11 (no exports map) and on Nest 12
// (`./*.js`). test/nest/nest-internals.spec.ts pins what the rest of this folder rests on.
export { ENTRY_PROVIDER_WATERMARK, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
export { GuardsConsumer, GuardsContextCreator } from '@nestjs/core/guards/index.js';
export type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
export { InterceptorsConsumer, InterceptorsContextCreator } from '@nestjs/core/interceptors/index.js';
export { PipesConsumer, PipesContextCreator } from '@nestjs/core/pipes/index.js';
export { ExceptionFiltersContext } from '@nestjs/microservices/context/exception-filters-context.js';
export { RequestContextHost } from '@nestjs/microservices/context/request-context-host.js';
export { RpcContextCreator } from '@nestjs/microservices/context/rpc-context-creator.js';
export { DEFAULT_CALLBACK_METADATA } from '@nestjs/microservices/context/rpc-metadata-constants.js';
export { RpcProxy } from '@nestjs/microservices/context/rpc-proxy.js';
export { RpcExceptionsHandler } from '@nestjs/microservices/exceptions/rpc-exceptions-handler.js';
export { ListenerMetadataExplorer } from '@nestjs/microservices/listener-metadata-explorer.js';
export { RpcParamtype } from '@nestjs/microservices/enums/rpc-paramtype.enum.js';
