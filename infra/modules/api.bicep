// The function app: the program as a custom handler on Flex Consumption, closed to strangers.

param name string
param planName string
param location string
param tags object
param identityId string
param identityClientId string
param storageName string
param packageContainer string
param insightsName string
param pageOrigin string
param endpoint string
param deploymentName string
param allowAnonymous bool
param signInClientId string
param signInUri string
param programSettings object
param instanceMemoryMB int
param maximumInstances int
param streamsPerInstance int
param alwaysReadyInstances int

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // Not a service of azure.yaml today (azd has no Rust); the tag lets it become one.
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      minTlsVersion: '1.2'
      // The platform answers preflights, before authentication; the program never sees them.
      cors: {
        allowedOrigins: [pageOrigin]
        supportCredentials: false
      }
    }
    functionAppConfig: {
      runtime: {
        name: 'custom'
        version: '1.0'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReadyInstances > 0 ? [{ name: 'http', instanceCount: alwaysReadyInstances }] : []
        triggers: {
          http: {
            perInstanceConcurrency: streamsPerInstance
          }
        }
      }
    }
  }
}

// The operator's choices first, so that none of them can undo what follows.
var chosenSettings = toObject(
  filter(items(programSettings), setting => !empty(setting.value)),
  setting => setting.key,
  setting => setting.value
)
var hostSettings = {
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}
var fixedSettings = {
  AZURE_INFERENCE_ENDPOINT: endpoint
  AZURE_DEEPSEEK_DEPLOYMENT: deploymentName
  AZURE_CLIENT_ID: identityClientId
  RUNNING_IN_PRODUCTION: 'true'
  ALLOWED_ORIGINS: pageOrigin
  ALLOW_ANONYMOUS: allowAnonymous ? 'true' : 'false'
}

// This replaces all settings: what was set by hand in the portal is gone after the next provisioning.
resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(chosenSettings, hostSettings, fixedSettings)
}

// Always deployed: were it left out for anonymous use, an earlier run's sign-in would stay on, and the other way round.
resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  // One change of the site's configuration at a time. Until this one the program itself refuses everybody.
  dependsOn: [settings]
  properties: {
    platform: {
      enabled: !allowAnonymous
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: !allowAnonymous
      unauthenticatedClientAction: allowAnonymous ? 'AllowAnonymous' : 'Return401'
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: allowAnonymous
      ? {}
      : {
          azureActiveDirectory: {
            enabled: true
            registration: {
              // This tenant's issuer: tokens of any other are refused.
              openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
              clientId: signInClientId
            }
            validation: {
              // Version 2 tokens carry the client id as audience, version 1 tokens the URI.
              allowedAudiences: [signInClientId, signInUri]
              defaultAuthorizationPolicy: {
                // Only tokens that the page's own registration asked for.
                allowedApplications: [signInClientId]
              }
            }
          }
        }
    login: {
      // The page holds its token itself; the platform keeps none.
      tokenStore: {
        enabled: false
      }
    }
  }
}

// Publishing is by Entra token only.
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output name string = app.name
output origin string = 'https://${app.properties.defaultHostName}'
