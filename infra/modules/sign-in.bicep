// One app registration for the page that signs people in and the API that checks their tokens. No secret: the page is a
// public client (authorization code with PKCE), and the API only validates.

extension microsoftGraphV1

@description('The registration\'s key: with the same name a later run finds and updates it.')
param uniqueName string
param displayName string
param tags string[]
param pageOrigin string
param requireAssignment bool

@description('Client ids that may ask for tokens besides the page.')
param clients array
param serviceManagementReference string

// Tenants that restrict these URIs accept this pattern, and it is known before the registration exists.
var uri = 'api://${tenant().tenantId}/${uniqueName}'

var scopeId = guid(uniqueName, 'user_impersonation')

resource registration 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  tags: tags
  signInAudience: 'AzureADMyOrg'
  serviceManagementReference: empty(serviceManagementReference) ? null : serviceManagementReference
  identifierUris: [uri]
  api: {
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: [
      {
        id: scopeId
        value: 'user_impersonation'
        type: 'User'
        isEnabled: true
        adminConsentDisplayName: 'Chat'
        adminConsentDescription: 'Lets the page call the chat API as the signed-in user.'
        userConsentDisplayName: 'Chat'
        userConsentDescription: 'Lets the page call the chat API as you.'
      }
    ]
    // Known to people's tenant already, or of no use to a person: nobody is asked to consent to them.
    preAuthorizedApplications: map(clients, client => { appId: client, delegatedPermissionIds: [scopeId] })
  }
  // For workloads, where assignment is required: a managed identity is given this role, a person is assigned without one.
  // Always there, because Entra deletes no role that is in use.
  appRoles: [
    {
      id: guid(uniqueName, 'Chat.Call')
      value: 'Chat.Call'
      displayName: 'Call the chat'
      description: 'Lets a workload call the chat API in its own name.'
      allowedMemberTypes: ['Application']
      isEnabled: true
    }
  ]
  spa: {
    // The page's address as the page gives it, with the slash. No local one: a local page talks to a local program, which asks nobody to sign in.
    redirectUris: ['${pageOrigin}/']
  }
}

resource principal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: registration.appId
  appRoleAssignmentRequired: requireAssignment
}

output clientId string = registration.appId
output uri string = uri
