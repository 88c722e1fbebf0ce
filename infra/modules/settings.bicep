// The program's settings, as variables of its environment.

import { thinkingOf } from '../thinking.bicep'

param appName string
param identityClientId string
param storageName string
param insightsName string
param insightsGroup string
param pageOrigin string

@description('The models to choose from, as in ../types.bicep; none: the one deployment is all there is.')
param models array

@description('Every deployment in order: of which model, its name, its model\'s name, its endpoint, and whether it was there before.')
param deployments array

@description('The scope of the token for the endpoints; empty: the program\'s own default.')
param scope string
param thinking bool
param extraBody object
param programSettings object
param allowAnonymous bool

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
  scope: resourceGroup(insightsGroup)
}

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

var table = thinking ? loadJsonContent('../models.json').thinking : {}
// Where only Azure knows the model each setting has its place, empty if need be: empty is unset.
var laid = map(
  deployments,
  one =>
    one.existing
      ? {
          AZURE_INFERENCE_API: thinkingOf(table, one.model).?AZURE_INFERENCE_API ?? ''
          REASONING_EFFORT: thinkingOf(table, one.model).?REASONING_EFFORT ?? ''
        }
      : thinkingOf(table, one.model)
)

var chosenSettings = toObject(
  filter(items(programSettings), setting => !empty(setting.value)),
  setting => setting.key,
  setting => setting.value
)

// Variables of one model begin with its name: MODEL_FAST_REASONING_EFFORT.
var ofModels = map(models, model => {
  prefix: 'MODEL_${replace(toUpper(model.name), '-', '_')}'
  title: model.?title ?? ''
  deployments: filter(deployments, one => one.of == model.name)
  // Those of models.json are for the model that is asked first, and less than what was chosen for all models.
  settings: union(
    toObject(
      filter(
        items(laid[indexOf(map(deployments, one => one.of), model.name)]),
        setting => !contains(chosenSettings, setting.key)
      ),
      setting => replace(setting.key, 'AZURE_INFERENCE_', ''),
      setting => setting.value
    ),
    model.?settings ?? {}
  )
})
var modelSettings = union(
  { MODELS: join(map(models, model => model.name), ', ') },
  toObject(
    ofModels,
    model => model.prefix,
    model => join(map(model.deployments, one => '${one.name}@${one.endpoint}'), ', ')
  ),
  toObject(filter(ofModels, model => !empty(model.title)), model => '${model.prefix}_TITLE', model => model.title),
  toObject(
    flatten(map(
      ofModels,
      model =>
        map(items(model.settings), setting => {
          key: '${model.prefix}_${setting.key}'
          // Text as it is; a number, a list or an object (EXTRA_BODY) as JSON.
          value: string(setting.value)
        })
    )),
    setting => setting.key,
    setting => setting.value
  )
)

var hostSettings = {
  AzureWebJobsStorage__accountName: storage.name
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}
var fixedSettings = {
  AZURE_INFERENCE_ENDPOINT: deployments[0].endpoint
  AZURE_DEEPSEEK_DEPLOYMENT: deployments[0].name
  AZURE_CLIENT_ID: identityClientId
  RUNNING_IN_PRODUCTION: 'true'
  ALLOWED_ORIGINS: pageOrigin
  ALLOW_ANONYMOUS: allowAnonymous ? 'true' : 'false'
}

// This replaces all settings: what was set by hand in the portal is gone after the next provisioning. What comes later
// wins: the operator's choices over those of models.json, and over neither of the last two.
resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(
    empty(models) ? laid[0] : {},
    empty(scope) ? {} : { AZURE_INFERENCE_SCOPE: scope },
    chosenSettings,
    empty(extraBody) ? {} : { EXTRA_BODY: string(extraBody) },
    empty(models) ? {} : modelSettings,
    hostSettings,
    fixedSettings
  )
}

output endpoint string = deployments[0].endpoint
