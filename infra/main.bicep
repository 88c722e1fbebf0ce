// Everything the chat needs in Azure. azd deploys this file at the subscription; every module below is one idea.
//
// There is no key, password or client secret anywhere: the function app signs in with its managed identity, people with
// Entra. Values come from main.parameters.json, which says what `azd env set` sets; docs/deploying.md explains each.

targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('The azd environment; names and tags are made from it.')
param environmentName string

@minLength(1)
@description('Region of everything but the page and, if modelLocation says so, the model. Flex Consumption must exist there.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Region of the Static Web App resource. The page itself is served from everywhere.')
@allowed(['westus2', 'centralus', 'eastus2', 'westeurope', 'eastasia'])
param pageLocation string = 'eastus2'

@description('Region of the model\'s account; empty: the region of the rest.')
param modelLocation string = ''

// What the model is. The defaults are one deployable model of October 2026; docs/deploying.md says how to choose another.
@description('The model\'s publisher, as `az cognitiveservices model list` shows it under format.')
param modelFormat string = 'DeepSeek'
@description('The model\'s name.')
param modelName string = 'DeepSeek-V3.2'
@description('The model\'s version.')
param modelVersion string = '1'
@description('How it is served and billed: GlobalStandard, DataZoneStandard, Standard and others, as the model offers.')
param modelSku string = 'GlobalStandard'
@minValue(1)
@description('Capacity of the deployment, in the model\'s units; it is also the ceiling of what can be spent in a minute.')
param modelCapacity int = 100
@description('The deployment\'s name, which is AZURE_DEEPSEEK_DEPLOYMENT; empty: the model\'s name. With existingAiAccount: the deployment that is there.')
param modelDeployment string = ''

// Who may call.
@description('Nobody needs to sign in: whoever finds the address spends your tokens. Said in so many words, never by default.')
param allowAnonymous bool = false
@description('Only users and groups who are assigned to the app registration may sign in. For the registration made here.')
param requireAssignment bool = false
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
@description('Gigabytes a day after which Log Analytics takes no more.')
param dailyLogCapGb int = 1
@description('Who is told by e-mail when something is wrong; empty: nobody, and no alert rules are made, which cost money.')
param alertEmail string = ''

@description('Settings of the program (docs/settings.md) that are the operator\'s choice; empty values are left out.')
param programSettings object = {}

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var groupName = empty(existingResourceGroup) ? 'rg-${environmentName}' : existingResourceGroup
var createModel = empty(existingAiAccount)
var aiGroupName = createModel || empty(existingAiResourceGroup) ? groupName : existingAiResourceGroup
var deploymentName = empty(modelDeployment) ? modelName : modelDeployment
var createSignIn = !allowAnonymous && empty(existingAppClientId)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = if (empty(existingResourceGroup)) {
  name: groupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    workspaceName: 'log-${token}'
    insightsName: 'appi-${token}'
    location: location
    tags: tags
    dailyCapGb: dailyLogCapGb
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: resourceGroup(groupName)
  params: {
    displayName: 'Reasoning chat'
    location: location
    tags: tags
    insightsName: monitoring.outputs.insightsName
  }
}

module alerts 'modules/alerts.bicep' = if (!empty(alertEmail)) {
  name: 'alerts'
  scope: resourceGroup(groupName)
  params: {
    name: 'alert-${token}'
    location: location
    tags: tags
    insightsName: monitoring.outputs.insightsName
    email: alertEmail
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    name: 'st${token}'
    location: location
    tags: tags
  }
}

module model 'modules/model.bicep' = if (createModel) {
  name: 'model'
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    accountName: 'ai-${token}'
    location: empty(modelLocation) ? location : modelLocation
    tags: tags
    deploymentName: deploymentName
    modelFormat: modelFormat
    modelName: modelName
    modelVersion: modelVersion
    skuName: modelSku
    capacity: modelCapacity
  }
}

module modelAccess 'modules/model-access.bicep' = {
  name: 'model-access-${token}'
  scope: resourceGroup(aiGroupName)
  params: {
    accountName: createModel ? model!.outputs.accountName : existingAiAccount
    appPrincipalId: identity.outputs.principalId
    developerPrincipalId: developerAccess ? deployer().objectId : ''
  }
}

module page 'modules/page.bicep' = {
  name: 'page'
  scope: resourceGroup(groupName)
  dependsOn: [group]
  params: {
    name: 'swa-${token}'
    location: pageLocation
    tags: tags
  }
}

module signIn 'modules/sign-in.bicep' = if (createSignIn) {
  name: 'sign-in'
  scope: resourceGroup(groupName)
  params: {
    uniqueName: 'reasoning-chat-${token}'
    displayName: 'Reasoning chat (${environmentName})'
    pageOrigin: page.outputs.origin
    requireAssignment: requireAssignment
    serviceManagementReference: serviceManagementReference
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: resourceGroup(groupName)
  params: {
    storageName: storage.outputs.name
    containerName: storage.outputs.packageContainer
    insightsName: monitoring.outputs.insightsName
    appPrincipalId: identity.outputs.principalId
    uploaderPrincipalId: directUpload ? deployer().objectId : ''
  }
}

module api 'modules/api.bicep' = {
  name: 'api'
  scope: resourceGroup(groupName)
  // Without its roles the app could read neither its package nor the model at its first start.
  dependsOn: [roles]
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    packageContainer: storage.outputs.packageContainer
    insightsName: monitoring.outputs.insightsName
    pageOrigin: page.outputs.origin
    endpoint: modelAccess.outputs.endpoint
    deploymentName: deploymentName
    allowAnonymous: allowAnonymous
    signInClientId: signInClientId
    signInUri: signInUri
    programSettings: programSettings
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    streamsPerInstance: streamsPerInstance
    alwaysReadyInstances: alwaysReadyInstances
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
output SIGN_IN_SCOPE string = allowAnonymous ? '' : '${signInUri}/user_impersonation'
output PACKAGE_STORAGE_ACCOUNT string = storage.outputs.name
output PACKAGE_CONTAINER string = storage.outputs.packageContainer
// With these two `cargo xtask run` talks to the deployed model under the developer's own sign-in.
output AZURE_INFERENCE_ENDPOINT string = modelAccess.outputs.endpoint
output AZURE_DEEPSEEK_DEPLOYMENT string = deploymentName
