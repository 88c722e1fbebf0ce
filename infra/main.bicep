// Everything the chat needs in Azure. azd deploys this file at the subscription; every module below is one idea.
//
// There is no key, password or client secret anywhere: the function app signs in with its managed identity, people with
// Entra. Values come from main.parameters.json, which says what `azd env set` sets; docs/deploying.md explains each.
//
// No module has a name of its own: the compiler makes one of the deployment's, so that a deployment which still runs, or
// another environment in the same resource group, is never in the way of this one.

targetScope = 'subscription'

import { model as modelType } from 'types.bicep'

@minLength(1)
@maxLength(40)
@description('The azd environment; names and tags are made from it.')
param environmentName string

// Regions that have Flex Consumption, as Microsoft's samples listed them in May 2026. azd offers these and no other; Azure
// opens more: `az functionapp list-flexconsumption-locations`.
// No usageName beside it: azd would then offer no region but those with quota under that one name, whatever model was chosen,
// and none at all, and end, where nobody has any. `cargo xtask deploy before-provision` looks up the model that is wanted.
@allowed([
  'australiaeast'
  'australiasoutheast'
  'brazilsouth'
  'canadacentral'
  'centralindia'
  'centralus'
  'eastasia'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'northeurope'
  'norwayeast'
  'southafricanorth'
  'southcentralus'
  'southeastasia'
  'southindia'
  'spaincentral'
  'swedencentral'
  'uaenorth'
  'uksouth'
  'ukwest'
  'westcentralus'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
@description('Region of everything but the page and, if modelLocation says so, the model. Flex Consumption must exist there.')
@metadata({ azd: { type: 'location', default: 'swedencentral' } })
param location string

@description('Region of the Static Web App resource. The page itself is served from everywhere.')
@allowed(['westus2', 'centralus', 'eastus2', 'westeurope', 'eastasia'])
param pageLocation string = 'eastus2'

@description('Region of the model\'s account; empty: the region of the rest.')
param modelLocation string = ''

// What the model is. docs/deploying.md says how to choose another.
@description('The model\'s name.')
param modelName string = 'DeepSeek-V4-Pro'
@description('The model\'s publisher, as `az cognitiveservices model list` shows it under format; empty: that of models.json.')
param modelFormat string = ''
@description('The model\'s version; empty: that of models.json, or Azure\'s default for a model that is not there.')
param modelVersion string = ''
@description('How it is served and billed: GlobalStandard, DataZoneStandard, Standard and others, as the model offers.')
param modelSku string = 'GlobalStandard'
@minValue(1)
@maxValue(5000)
@description('Capacity of the deployment, in the model\'s units; it is also the ceiling of what can be spent in a minute.')
param modelCapacity int = 100
@description('The deployment\'s name, which is AZURE_DEEPSEEK_DEPLOYMENT; empty: the model\'s name. With existingAiAccount: the deployment that is there.')
param modelDeployment string = ''
@description('Lays the settings that models.json has for the model under those chosen here, so that it thinks and its thoughts are seen.')
param thinking bool = true
@description('Parameters of the model that are laid over each request\'s body.')
param extraBody object = {}
@description('Several models to choose from, and several deployments of one; empty: the one model above.')
param models modelType[] = []
@description('Calls the models made here at the address of a project in their account, as the newest documents do, not at the account\'s own.')
param projectEndpoint bool = false

// Who may call.
@description('Nobody needs to sign in: whoever finds the address spends your tokens. Said in so many words, never by default.')
param allowAnonymous bool = false
@description('Only users and groups who are assigned to the app registration may sign in. For the registration made here.')
param requireAssignment bool = false
@description('Who may call the API besides the page: client ids between commas, azure-cli for the Azure CLI, vscode for Visual Studio Code.')
param apiClients string = ''
@description('Needed in tenants that demand it of every app registration; otherwise empty.')
param serviceManagementReference string = ''

// What is there already. Empty: made here.
@description('A resource group to deploy into.')
param existingResourceGroup string = ''
@description('An Azure AI Services or Azure OpenAI account with a deployment.')
param existingAiAccount string = ''
@description('The resource group of that account; empty: the same as the rest.')
param existingAiResourceGroup string = ''
@description('Client id of an app registration for page and API.')
param existingAppClientId string = ''
@description('Its application id URI; empty: api://CLIENT-ID.')
param existingAppUri string = ''
@description('An Application Insights resource.')
param existingInsights string = ''
@description('The resource group of that resource; empty: the same as the rest.')
param existingInsightsGroup string = ''

// What the one who deploys gets.
@description('The role that calls the model, to run the program locally against it. Off for pipelines.')
param developerAccess bool = true
@description('The role that writes the package container: for publishing without Core Tools only.')
param directUpload bool = false

// Size.
@allowed([512, 2048, 4096])
@description('Memory of an instance.')
param instanceMemoryMB int = 2048
@minValue(1)
@maxValue(1000)
@description('Most instances at once.')
param maximumInstances int = 40
@minValue(1)
@maxValue(1000)
@description('Answers at once on an instance. A stream holds its place until its end and does little meanwhile.')
param streamsPerInstance int = 50
@minValue(0)
@maxValue(20)
@description('Instances that are kept running, and billed, so that nobody waits for a cold start.')
param alwaysReadyInstances int = 0
@minValue(1)
@maxValue(100)
@description('Gigabytes a day after which Log Analytics takes no more.')
param dailyLogCapGb int = 1
@description('Who is told by e-mail when something is wrong; empty: nobody, and no alert rules are made, which cost money.')
param alertEmail string = ''
@description('Model and storage are reached through a virtual network alone. Page and API stay public. Costs money.')
param privateNetwork bool = false
@description('Instances and storage are spread over the zones of the region. To be chosen at the first deployment.')
param zoneRedundant bool = false

@description('Settings of the program (docs/settings.md) that are the operator\'s choice; empty values are left out.')
param programSettings object = {}

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var groupName = empty(existingResourceGroup) ? 'rg-${environmentName}' : existingResourceGroup
var createSignIn = !allowAnonymous && empty(existingAppClientId)
var insightsName = empty(existingInsights) ? 'appi-${token}' : existingInsights
var insightsGroup = empty(existingInsights) || empty(existingInsightsGroup) ? groupName : existingInsightsGroup
var project = 'chat'

// The one model of the parameters above, in the form in which several are given.
var single = {
  name: ''
  deployments: [
    {
      model: modelName
      format: modelFormat
      version: modelVersion
      sku: modelSku
      capacity: modelCapacity
      deployment: modelDeployment
      location: modelLocation
      account: existingAiAccount
      resourceGroup: existingAiResourceGroup
    }
  ]
}

var known = loadJsonContent('models.json').known
var modelHome = empty(modelLocation) ? location : modelLocation

// All deployments of all models, in order, with nothing left open.
var deployments = flatten(map(
  empty(models) ? [single] : models,
  model =>
    map(model.deployments, one => {
      of: model.name
      model: one.model
      format: !empty(one.?format) ? one.?format : (known[?one.model].?format ?? '')
      version: !empty(one.?version) ? one.?version : (known[?one.model].?version ?? '')
      sku: !empty(one.?sku) ? one.?sku : modelSku
      capacity: one.?capacity ?? modelCapacity
      deployment: !empty(one.?deployment) ? one.?deployment : one.model
      existing: !empty(one.?account)
      group: empty(one.?account) || empty(one.?resourceGroup) ? groupName : one.?resourceGroup
      location: !empty(one.?location) ? one.?location : modelHome
      account: !empty(one.?account)
        ? one.?account
        : (empty(one.?location) || one.?location == modelHome ? 'ai-${token}' : 'ai-${token}-${one.?location}')
    })
))
// One account a region, with all its deployments. A second model with the same deployment shares it.
var made = filter(deployments, one => !one.existing)
var accounts = map(union(map(made, one => one.account), []), name => {
  name: name
  location: filter(made, one => one.account == name)[0].location
  deployments: map(union(map(filter(made, one => one.account == name), one => one.deployment), []), deployment => filter(made, one => one.account == name && one.deployment == deployment)[0])
})
// Every account that is called, made here or not.
var called = union(map(deployments, one => { name: one.account, group: one.group }), [])

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = if (empty(existingResourceGroup)) {
  name: groupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = if (empty(existingInsights)) {
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    workspaceName: 'log-${token}'
    insightsName: insightsName
    location: location
    tags: tags
    dailyCapGb: dailyLogCapGb
  }
}

module telemetryAccess 'modules/telemetry-access.bicep' = {
  scope: resourceGroup(insightsGroup)
  dependsOn: [monitoring]
  params: {
    insightsName: insightsName
    appPrincipalId: identity.outputs.principalId
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    displayName: 'Reasoning chat'
    location: location
    tags: tags
    insightsId: telemetryAccess.outputs.insightsId
  }
}

module dashboard 'modules/dashboard.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    name: 'dash-${token}'
    title: 'Reasoning chat (${environmentName})'
    location: location
    tags: tags
    insightsId: telemetryAccess.outputs.insightsId
    workbookId: workbook.outputs.id
    pageOrigin: page.outputs.origin
  }
}

module alerts 'modules/alerts.bicep' = if (!empty(alertEmail)) {
  scope: resourceGroup(groupName)
  params: {
    name: 'alert-${token}'
    location: location
    tags: tags
    insightsId: telemetryAccess.outputs.insightsId
    email: alertEmail
  }
}

module storage 'modules/storage.bicep' = {
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    isPrivate: privateNetwork
    zoneRedundant: zoneRedundant
  }
}

module storageEndpoint 'modules/private-endpoint.bicep' = if (privateNetwork) {
  scope: resourceGroup(groupName)
  params: {
    name: 'pe-st-${token}'
    location: location
    tags: tags
    targetId: storage.outputs.id
    part: 'blob'
    subnetId: network!.outputs.endpointSubnetId
    zoneIds: [network!.outputs.blobZoneId]
  }
}

module model 'modules/model.bicep' = [
  for account in accounts: {
    scope: resourceGroup(groupName)
    dependsOn: [group]
    params: {
      accountName: account.name
      location: account.location
      tags: tags
      projectName: project
      deployments: account.deployments
      isPrivate: privateNetwork
    }
  }
]

module modelEndpoint 'modules/private-endpoint.bicep' = [
  for (account, at) in accounts: if (privateNetwork) {
    scope: resourceGroup(groupName)
    params: {
      name: 'pe-${account.name}'
      location: location
      tags: tags
      targetId: model[at].outputs.id
      part: 'account'
      subnetId: network!.outputs.endpointSubnetId
      zoneIds: network!.outputs.modelZoneIds
    }
  }
]

module modelAccess 'modules/model-access.bicep' = [
  for account in called: {
    scope: resourceGroup(account.group)
    dependsOn: [model]
    params: {
      accountName: account.name
      appPrincipalId: identity.outputs.principalId
      developerPrincipalId: developerAccess ? deployer().objectId : ''
    }
  }
]

module existingModel 'modules/existing-model.bicep' = [
  for one in deployments: if (one.existing) {
    scope: resourceGroup(one.group)
    params: {
      accountName: one.account
      deploymentName: one.deployment
    }
  }
]

module page 'modules/page.bicep' = {
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    name: 'swa-${token}'
    location: pageLocation
    tags: tags
  }
}

// Client ids by a word, for those that are the same in every tenant.
var clientsByWord = {
  'azure-cli': '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
  vscode: 'aebc6443-996d-45c2-90f0-388ff96faa56'
}
var clients = map(
  filter(map(split(apiClients, ','), word => trim(word)), word => !empty(word)),
  word => clientsByWord[?word] ?? word
)

module signIn 'modules/sign-in.bicep' = if (createSignIn) {
  scope: resourceGroup(groupName)
  params: {
    uniqueName: 'reasoning-chat-${token}'
    displayName: 'Reasoning chat (${environmentName})'
    // By these `azd down` knows the registration of a run that failed before it could say its id.
    tags: ['azd-env-name:${environmentName}', 'subscription:${subscription().subscriptionId}', 'location:${location}']
    pageOrigin: page.outputs.origin
    requireAssignment: requireAssignment
    clients: clients
    serviceManagementReference: serviceManagementReference
  }
}

module storageAccess 'modules/storage-access.bicep' = {
  scope: resourceGroup(groupName)
  params: {
    storageName: storage.outputs.name
    containerName: storage.outputs.packageContainer
    appPrincipalId: identity.outputs.principalId
    uploaderPrincipalId: directUpload ? deployer().objectId : ''
  }
}

module api 'modules/api.bicep' = {
  scope: resourceGroup(groupName)
  // Without its roles, and the way to its storage, the app could not read its package at its first start.
  dependsOn: [storageAccess, storageEndpoint]
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    storageName: storage.outputs.name
    packageContainer: storage.outputs.packageContainer
    pageOrigin: page.outputs.origin
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    streamsPerInstance: streamsPerInstance
    alwaysReadyInstances: alwaysReadyInstances
    subnetId: privateNetwork ? network!.outputs.appSubnetId : ''
    zoneRedundant: zoneRedundant
  }
}

module settings 'modules/settings.bicep' = {
  scope: resourceGroup(groupName)
  dependsOn: [modelAccess]
  params: {
    appName: api.outputs.name
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    insightsName: insightsName
    insightsGroup: insightsGroup
    pageOrigin: page.outputs.origin
    models: models
    deployments: [
      for (one, at) in deployments: {
        of: one.of
        name: one.deployment
        existing: one.existing
        model: one.existing ? existingModel[at]!.outputs.modelName : one.model
        endpoint: one.existing
          ? existingModel[at]!.outputs.endpoint
          : 'https://${one.account}.services.ai.azure.com${projectEndpoint ? '/api/projects/${project}/openai/v1' : ''}'
      }
    ]
    scope: projectEndpoint ? 'https://ai.azure.com/.default' : ''
    thinking: thinking
    extraBody: extraBody
    programSettings: programSettings
    allowAnonymous: allowAnonymous
  }
}

module authentication 'modules/authentication.bicep' = {
  scope: resourceGroup(groupName)
  // One change of the site's configuration at a time. Until this one the program itself refuses everybody.
  dependsOn: [settings]
  params: {
    appName: api.outputs.name
    allowAnonymous: allowAnonymous
    signInClientId: signInClientId
    signInUri: signInUri
    clients: clients
  }
}

var signInClientId = createSignIn ? signIn!.outputs.clientId : (allowAnonymous ? '' : existingAppClientId)
var signInUri = createSignIn
  ? signIn!.outputs.uri
  : (allowAnonymous ? '' : (empty(existingAppUri) ? 'api://${existingAppClientId}' : existingAppUri))

// azd keeps these in its environment and gives them to the hooks. None is named like an input: an output that came back
// as an input would turn what was made here into something that "exists" at the second run.
output AZURE_RESOURCE_GROUP string = groupName
output AZURE_TENANT_ID string = tenant().tenantId
output SERVICE_API_NAME string = api.outputs.name
output API_ORIGIN string = api.outputs.origin
output PAGE_ORIGIN string = page.outputs.origin
output SIGN_IN_CLIENT_ID string = signInClientId
output SIGN_IN_AUTHORITY string = allowAnonymous
  ? ''
  : '${environment().authentication.loginEndpoint}${tenant().tenantId}'
output SIGN_IN_URI string = signInUri
// By the client id: Entra lets a registration ask a token for itself, and renew it, in this form only.
output SIGN_IN_SCOPE string = allowAnonymous ? '' : '${signInClientId}/user_impersonation'
// What the program is told, for the page to show: its words for yes are those of the program.
output PAGE_FEEDBACK bool = contains(['true', '1', 'yes'], toLower(string(programSettings.?FEEDBACK ?? '')))
output PACKAGE_STORAGE_ACCOUNT string = storage.outputs.name
output PACKAGE_CONTAINER string = storage.outputs.packageContainer
// With these two `cargo xtask run` talks to the first deployment under the developer's own sign-in.
output AZURE_INFERENCE_ENDPOINT string = settings.outputs.endpoint
output AZURE_DEEPSEEK_DEPLOYMENT string = deployments[0].deployment
