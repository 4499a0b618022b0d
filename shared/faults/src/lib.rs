//! The one layer under the store and the message sender where a test can make a call fail.
//!
//! Every call to the table or a queue names its [`Site`]. In production the [`Probe`] is empty and costs a branch. A test
//! hands in a [`FaultPlan`] that may crash the handler before or after a call, lose the answer, or imitate a throttled or
//! conflicting store; emulators do none of that by themselves. [`Site::ALL`] lists every call site, so a harness can fail
//! when it has not visited one.

use std::fmt;
use std::sync::Arc;

macro_rules! sites {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A place in the code that calls the table, a queue or a bucket. The text is `crate or function/what`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Site {
            $($(#[$doc])* $name,)*
        }

        impl Site {
            /// Every call site there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name of the site, `function/what`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

sites! {
    /// Ingestion reads the location of a receipt.
    IngestLocation = "purchase-ingestion/location",
    /// Ingestion reads the programme.
    IngestProgramme = "purchase-ingestion/programme",
    /// Ingestion finds the card.
    IngestCard = "purchase-ingestion/card",
    /// Ingestion reads what the till shows.
    IngestTillView = "purchase-ingestion/till-view",
    /// Ingestion stores a receipt.
    IngestReceipt = "purchase-ingestion/receipt",
    /// Ingestion stores a return.
    IngestReturn = "purchase-ingestion/return",
    /// Ingestion reads the receipt and the other returns of a return.
    IngestOriginal = "purchase-ingestion/original",
    /// Ingestion voids a receipt.
    IngestVoid = "purchase-ingestion/void",
    /// Ingestion keeps a receipt that contradicts an earlier one.
    IngestException = "purchase-ingestion/exception",
    /// Ingestion reads a receipt.
    PurchaseRead = "purchase-ingestion/read",
    /// Ingestion reads what the receipts of a day have earned.
    IngestDayPoints = "purchase-ingestion/day-points",
    /// Ingestion reads the account of a receipt that is not posted yet.
    PurchaseAccount = "purchase-ingestion/account",
    /// Ingestion looks for the ledger entry of a receipt.
    PurchaseEntry = "purchase-ingestion/entry",
    /// A receipt is claimed for a card.
    PurchaseClaim = "purchase-ingestion/claim",
    /// The relay appends to the voucher feed.
    RelayFeed = "event-relay/feed",
    /// The relay reads a head of the voucher feed.
    RelayFeedHead = "event-relay/feed-head",
    /// The relay reads which changes it has published.
    RelayReferences = "event-relay/references",
    /// The relay finds the feed group of a location.
    RelayLocation = "event-relay/location",
    /// The relay sends work to the posting queue.
    RelaySendPosting = "event-relay/send-posting",
    /// The relay sends work to the issuance queue.
    RelaySendIssuance = "event-relay/send-issuance",
    /// The relay sends voucher events to the tills' middleware.
    RelaySendPosVoucher = "event-relay/send-pos-voucher",
    /// The relay tells other systems which fields of a party were changed.
    RelaySendPartyFeed = "event-relay/send-party-feed",
    /// The relay puts a record it does not understand into its bucket.
    RelayFailure = "event-relay/failure",
    /// Recalculation reads a run.
    RecountRun = "recalculation/run",
    /// Recalculation reads versions of the programme.
    RecountProgramme = "recalculation/programme",
    /// Recalculation sends parts to its own queue.
    RecountSend = "recalculation/send",
    /// Recalculation reads how far a part is.
    RecountPart = "recalculation/part",
    /// Recalculation stores a step of a part.
    RecountAdvance = "recalculation/advance",
    /// Recalculation reads receipts.
    RecountReceipts = "recalculation/receipts",
    /// Recalculation reads entries of a receipt.
    RecountEntries = "recalculation/entries",
    /// Recalculation reads the returns of a receipt.
    RecountReturns = "recalculation/returns",
    /// Recalculation keeps a difference.
    RecountDifference = "recalculation/difference",
    /// Recalculation reads the differences of a shard.
    RecountDifferences = "recalculation/differences",
    /// Recalculation reads an account.
    RecountAccount = "recalculation/account",
    /// Recalculation reads what of a lot has expired.
    RecountLot = "recalculation/lot",
    /// Recalculation commits an entry.
    RecountCommit = "recalculation/commit",
    /// A run is read over HTTP.
    RunRead = "administration/run-read",
    /// A run is stored or approved.
    RunWrite = "administration/run-write",
    /// The relay sends work to the recalculation queue.
    RelaySendRecalculation = "event-relay/send-recalculation",
    /// The relay sends approved erasures to their queue.
    RelaySendPrivacy = "event-relay/send-privacy",
    /// The relay sends work to the search index.
    RelaySendSearchIndex = "event-relay/send-search-index",
    /// The search index reads what a party is listed under.
    IndexListed = "search-index/listed",
    /// The search index reads the party.
    IndexParty = "search-index/party",
    /// The search index says what it is going to list, and that it has.
    IndexIntent = "search-index/intent",
    /// The search index writes and removes entries of lists.
    IndexEntries = "search-index/entries",
    /// A search reads a list.
    SearchList = "party-search/list",
    /// A search reads the parties that may fit.
    SearchParties = "party-search/parties",
    /// A search looks for a card.
    SearchCard = "party-search/card",
    /// Posting reads the receipts of a batch.
    PostReceipts = "point-calculation/receipts",
    /// Posting reads the account.
    PostAccount = "point-calculation/account",
    /// Posting reads the programme.
    PostProgramme = "point-calculation/programme",
    /// Posting reads what the receipts of a day have earned.
    PostDayPoints = "point-calculation/day-points",
    /// Posting reads the returns of a receipt.
    PostReturns = "point-calculation/returns",
    /// Posting reads what of a lot has expired.
    PostLot = "point-calculation/lot",
    /// Posting commits a return.
    PostReturn = "point-calculation/commit-return",
    /// Posting keeps a return that does not fit its receipt.
    PostExcess = "point-calculation/excess",
    /// The close of a day lists the programmes.
    CloseProgrammes = "day-close/programmes",
    /// The close of a day reads a programme.
    CloseProgramme = "day-close/programme",
    /// The close of a day asks for accounts that have something due.
    CloseDue = "day-close/due",
    /// The close of a day reads an account.
    CloseAccount = "day-close/account",
    /// The close of a day commits an activation or an expiry.
    CloseCommit = "day-close/commit",
    /// The close of a day sends shards to its queue.
    CloseSend = "day-close/send",
    /// Posting looks for entries that stand already.
    PostEntries = "point-calculation/entries",
    /// Posting commits entries, account and activity.
    PostCommit = "point-calculation/commit",
    /// Posting reads a voucher that a receipt names as a payment.
    PostVoucher = "point-calculation/voucher",
    /// Posting notes the payment on the voucher.
    PostVoucherNote = "point-calculation/voucher-note",
    /// Posting keeps a payment that fits no voucher.
    PostException = "point-calculation/exception",
    /// Settling reads a card.
    SettleCard = "point-calculation/settle-card",
    /// Settling lists the receipts that wait for a card.
    SettleParked = "point-calculation/settle-parked",
    /// Settling stamps a waiting receipt.
    SettleStamp = "point-calculation/settle-stamp",
    /// Point calculation reads the party whose first purchase it has posted.
    PostParty = "point-calculation/party",
    /// Point calculation makes a party a customer.
    PostCustomer = "point-calculation/customer",
    /// Issuance asks whether the party may get vouchers.
    IssueParty = "voucher-issuance/party",
    /// Issuance reads the account.
    IssueAccount = "voucher-issuance/account",
    /// Issuance reads the programme.
    IssueProgramme = "voucher-issuance/programme",
    /// Issuance commits vouchers and their debit.
    IssueCommit = "voucher-issuance/commit",
    /// Redemption reads the location.
    RedeemLocation = "voucher-redemption/location",
    /// Redemption finds the voucher.
    RedeemVoucher = "voucher-redemption/voucher",
    /// Redemption asks whether the holder may pay with vouchers.
    RedeemParty = "voucher-redemption/party",
    /// Redemption asks whose card is presented with a personal voucher.
    RedeemCard = "voucher-redemption/card",
    /// Redemption stores a transition.
    RedeemCommit = "voucher-redemption/commit",
    /// Redemption reads a shard of the voucher feed.
    FeedRead = "voucher-redemption/feed",
    /// Redemption lists what does not match.
    UnmatchedRead = "voucher-redemption/unmatched",
    /// Unknown codes and cards of a terminal are counted.
    GuessCount = "guess/count",
    /// A terminal is noted as over the limit of unknown codes and cards.
    GuessOverLimitNote = "guess/over-limit-note",
    /// Which terminals are over the limit is read.
    GuessOverLimit = "guess/over-limit",
    /// A party is stored.
    PartyPut = "customer/party-put",
    /// A party is read.
    PartyRead = "customer/party-read",
    /// An external id is looked up.
    PartyExternalId = "customer/external-id",
    /// The types of the tenant are read.
    PartyTypes = "customer/party-types",
    /// Relationships of a party are read.
    Relationships = "customer/relationships",
    /// Two parties are related, or their relationship changes.
    Relate = "customer/relate",
    /// A party is changed.
    PartyChange = "customer/party-change",
    /// The changes of a party, or what no longer fits in its document, are listed.
    PartyChanges = "customer/party-changes",
    /// Ledger entries are listed.
    PartyLedger = "customer/ledger",
    /// A card is read.
    CardRead = "customer/card-read",
    /// A card is issued, registered, replaced, blocked or unblocked.
    CardWrite = "customer/card-write",
    /// The account of a party is read.
    PartyAccount = "customer/account",
    /// Receipts and returns behind an entry are read to explain it.
    PartyReceipt = "customer/receipt",
    /// The segments of a party are read.
    PartySegments = "customer/segments",
    /// The segments of a party are stored.
    PartySegmentsPut = "customer/segments-put",
    /// The cards of a party are read.
    PartyCards = "customer/party-cards",
    /// The cash desk reads the location.
    DeskLocation = "customer/desk-location",
    /// The cash desk finds the card.
    DeskCard = "customer/desk-card",
    /// The cash desk reads what it shows.
    DeskView = "customer/desk-view",
    /// The cash desk reads the truth about open vouchers.
    DeskVouchers = "customer/desk-vouchers",
    /// The customer function reads a programme.
    CustomerProgramme = "customer/programme",
    /// Administration reads locations.
    LocationsRead = "administration/locations-read",
    /// Administration stores a location.
    LocationWrite = "administration/location-write",
    /// Administration sums the receipts of a location.
    RevenueRead = "administration/revenue",
    /// Administration reads a programme.
    ProgrammeRead = "administration/programme-read",
    /// Administration stores a version of a programme.
    ProgrammeWrite = "administration/programme-write",
    /// Administration reads clients.
    ClientsRead = "administration/clients-read",
    /// Administration stores a client or its keys.
    ClientWrite = "administration/client-write",
    /// Administration lists exceptions.
    ExceptionsRead = "administration/exceptions",
    /// Administration reads the types of parties.
    PartyTypesRead = "administration/party-types-read",
    /// Administration stores the types of parties.
    PartyTypesWrite = "administration/party-types-write",
    /// Administration reads the party of the own company or a branch.
    OwnPartyRead = "administration/own-party-read",
    /// Administration stores the party of the own company or a branch.
    OwnPartyWrite = "administration/own-party-write",
    /// The points desk reads a programme.
    AdjustProgramme = "points-desk/programme",
    /// The points desk looks for a party.
    AdjustParty = "points-desk/party",
    /// The points desk asks whether two parties share points.
    AdjustShared = "points-desk/shared",
    /// The points desk reads an adjustment.
    AdjustRead = "points-desk/adjustment",
    /// The points desk lists adjustments.
    AdjustList = "points-desk/list",
    /// The points desk reads an account.
    AdjustAccount = "points-desk/account",
    /// The points desk keeps an adjustment for a second person, or keeps that it was rejected.
    AdjustKeep = "points-desk/keep",
    /// The points desk commits an adjustment with its entries and accounts.
    AdjustCommit = "points-desk/commit",
    /// The points desk finds a voucher.
    AdjustVoucher = "points-desk/voucher",
    /// The points desk finds the entry that a voucher was issued with.
    AdjustIssue = "points-desk/issue-entry",
    /// The points desk reads the ledger of an account whose points move to another.
    AdjustLedger = "points-desk/ledger",
    /// The points desk commits what is done to a voucher, with the points that come back.
    AdjustVoucherCommit = "points-desk/commit-voucher",
    /// The office reads campaigns.
    CampaignsRead = "campaign/read",
    /// The office stores a campaign.
    CampaignsWrite = "campaign/write",
    /// The office reads what a campaign refers to.
    CampaignsKnown = "campaign/known",
    /// The office reads runs.
    CampaignsRuns = "campaign/runs",
    /// The office begins or changes a run.
    CampaignsRun = "campaign/run",
    /// The office asks for the work on a run.
    CampaignsSend = "campaign/send",
    /// Redemption reads whether the letters of a run are confirmed.
    RedeemRun = "voucher-redemption/run",
    /// Offline redemption reads the location of an allowance.
    OfflineLocation = "offline-redemption/location",
    /// Offline redemption reads the programme of an allowance.
    OfflineProgramme = "offline-redemption/programme",
    /// Offline redemption opens the allowance of a day.
    OfflineOpen = "offline-redemption/open",
    /// Offline redemption reads the allowance of a journal.
    OfflineAllowance = "offline-redemption/allowance",
    /// Offline redemption looks for decided entries.
    OfflineEntries = "offline-redemption/entries",
    /// Offline redemption finds a voucher.
    OfflineVoucher = "offline-redemption/voucher",
    /// Offline redemption asks whether a receipt was voided.
    OfflineReceipt = "offline-redemption/receipt",
    /// Offline redemption reads whether the letters of a run are confirmed.
    OfflineRun = "offline-redemption/run",
    /// Offline redemption asks whether the holder may pay with vouchers.
    OfflineParty = "offline-redemption/party",
    /// Offline redemption asks whose card was presented with a personal voucher.
    OfflineCard = "offline-redemption/card",
    /// Offline redemption reads the losses of a day.
    OfflineDay = "offline-redemption/day",
    /// Offline redemption decides an entry.
    OfflineCommit = "offline-redemption/commit",
    /// Offline redemption lists the locations.
    OfflineLocations = "offline-redemption/locations",
    /// Offline redemption reports losses.
    OfflineReport = "offline-redemption/report",
    /// Offline redemption lists lost entries.
    OfflineList = "offline-redemption/list",
    /// A rollback reads the receipt that took vouchers.
    RedeemReceipt = "voucher-redemption/receipt",
    /// A rollback reads what came back of the receipt.
    RedeemReturns = "voucher-redemption/returns",
    /// The cash desk reads whether the letters of a run are confirmed.
    DeskRun = "customer/desk-run",
    /// Erasure reads the runs whose addresses can still be read.
    EraseRuns = "privacy/erase-runs",
    /// Erasure takes letters out of runs.
    EraseLetters = "privacy/erase-letters",
    /// Runs list the programmes.
    RunProgrammes = "campaign-run/programmes",
    /// Runs read a programme.
    RunProgramme = "campaign-run/programme",
    /// Runs read campaigns.
    RunCampaign = "campaign-run/campaign",
    /// Runs move a campaign on.
    RunStanding = "campaign-run/standing",
    /// Runs read a run.
    RunFind = "campaign-run/run",
    /// Runs begin a run.
    RunBegin = "campaign-run/begin",
    /// Runs start, with their campaign.
    RunStart = "campaign-run/start",
    /// Runs move a run on.
    RunChange = "campaign-run/change",
    /// Runs send work to their own queue.
    RunSend = "campaign-run/send",
    /// Runs ask for the file of a run.
    RunSendFile = "campaign-run/send-file",
    /// Runs read which files are not acknowledged.
    RunUnconfirmed = "campaign-run/unconfirmed",
    /// Runs ask that the letters of a confirmed run are noted.
    RunSendNotes = "campaign-run/send-notes",
    /// The service desk reads which letters were sent to a party.
    DeskLetters = "service-desk/letters",
    /// Runs read what was agreed on with the printer.
    RunAgreed = "campaign-run/agreed",
    /// Runs walk through the parties.
    RunWalk = "campaign-run/walk",
    /// Runs read the locations.
    RunLocations = "campaign-run/locations",
    /// Runs read or make the key of a run's addresses.
    RunKey = "campaign-run/key",
    /// Runs freeze a member.
    RunFreeze = "campaign-run/freeze",
    /// Runs read how far a run is.
    RunParts = "campaign-run/parts",
    /// Runs store how far a segment is.
    RunPart = "campaign-run/part",
    /// Runs read frozen members.
    RunMembers = "campaign-run/members",
    /// Runs ask whether a member may have vouchers.
    RunStopped = "campaign-run/stopped",
    /// Runs note that a member is served.
    RunNote = "campaign-run/note",
    /// Runs read what a part has leased of the budget.
    RunLeases = "campaign-run/leases",
    /// Runs lease a share of the budget.
    RunLease = "campaign-run/lease",
    /// Runs claim a household for a member.
    RunHousehold = "campaign-run/household",
    /// Runs look whether a member has paid for its vouchers.
    RunPaid = "campaign-run/paid",
    /// Runs read the account of a member that pays for its vouchers.
    RunAccount = "campaign-run/account",
    /// Runs take the points for a member's vouchers.
    RunPay = "campaign-run/pay",
    /// Runs store a voucher and its reference.
    RunGive = "campaign-run/give",
    /// Runs store how far a shard is.
    RunAdvance = "campaign-run/advance",
    /// Runs read which choices of members were started, and which of them a member belongs to.
    RunStarted = "campaign-run/started",
    /// Runs find a voucher that is to be blocked.
    RunBlockFind = "campaign-run/block-find",
    /// Runs block a voucher, with its adjustment.
    RunBlock = "campaign-run/block",
    /// Runs take a blocked voucher off the list of open ones.
    RunBlockUnlist = "campaign-run/block-unlist",
    /// Runs read how far the blocking of a shard is.
    RunBlockParts = "campaign-run/block-parts",
    /// Runs store how far the blocking of a shard is.
    RunBlockAdvance = "campaign-run/block-advance",
    /// Runs note that all vouchers of a stopped run are blocked.
    RunBlockDone = "campaign-run/block-done",
    /// Runs read whose vouchers are still being blocked.
    RunBlocking = "campaign-run/blocking",
    /// The office stops a run, with its campaign.
    CampaignsStop = "campaign/stop",
    /// The office asks that the vouchers of a run are blocked that was stopped before.
    CampaignsBlock = "campaign/block",
    /// The lettershop's calls read a run.
    ShopRun = "lettershop-intake/run",
    /// The lettershop's calls read what was agreed on with the printer, and the types of parties.
    ShopKnown = "lettershop-intake/known",
    /// The lettershop's calls store what was agreed on.
    ShopAgreed = "lettershop-intake/agreed",
    /// The lettershop's calls note what the printer has confirmed.
    ShopConfirm = "lettershop-intake/confirm",
    /// The lettershop's calls find the letters that came back.
    ShopLetters = "lettershop-intake/letters",
    /// The lettershop's calls read the party of a letter that came back.
    ShopParty = "lettershop-intake/party",
    /// The lettershop's calls read what came back from an address before.
    ShopReturned = "lettershop-intake/returned",
    /// The lettershop's calls take a letter back: party, task and note.
    ShopTakeBack = "lettershop-intake/take-back",
    /// The lettershop's calls send work on a file that was put.
    ShopSend = "lettershop-intake/send",
    /// The lettershop's calls read or ask for a reprint.
    ShopReprint = "lettershop-intake/reprint",
    /// The lettershop's calls ask for the file of a reprint.
    ShopSendFile = "lettershop-intake/send-file",
    /// The lettershop's calls ask that the letters of a run are noted.
    ShopSendNotes = "lettershop-intake/send-notes",
    /// The lettershop's calls look at a file that was put.
    ShopHead = "lettershop-intake/head",
    /// The lettershop's calls read a file that was put.
    ShopFile = "lettershop-intake/file",
    /// The lettershop's calls put the report on a file.
    ShopReport = "lettershop-intake/report",
    /// The lettershop's calls drop a file that is done.
    ShopDrop = "lettershop-intake/drop",
    /// The lettershop's calls read what became of files.
    ShopInbox = "lettershop-intake/inbox",
    /// The lettershop's calls note what became of a file.
    ShopNote = "lettershop-intake/note",
    /// Runs read how a run is measured.
    RunMeasuring = "campaign-run/measuring",
    /// Runs begin or complete a measurement.
    RunMeasure = "campaign-run/measure",
    /// Runs read how far a shard of a measurement is.
    RunMeasured = "campaign-run/measured",
    /// Runs store how far a shard of a measurement is.
    RunMeasuredShard = "campaign-run/measured-shard",
    /// Runs read what a member bought.
    RunBought = "campaign-run/bought",
    /// Results read what was heard of a voucher.
    ResultsHeard = "campaign-results/heard",
    /// Results count a change of a voucher.
    ResultsCount = "campaign-results/count",
    /// The results of a run are read.
    CampaignsResults = "campaign/results",
    /// The lettershop's files read a run.
    ExportRun = "lettershop-export/run",
    /// The lettershop's files read frozen members.
    ExportMembers = "lettershop-export/members",
    /// The lettershop's files read the key of a run's addresses.
    ExportKey = "lettershop-export/key",
    /// The lettershop's files read vouchers.
    ExportVouchers = "lettershop-export/vouchers",
    /// The lettershop's files note to whom a letter goes.
    ExportLetter = "lettershop-export/letter",
    /// The lettershop's files read what was agreed on with the printer.
    ExportSettings = "lettershop-export/settings",
    /// The lettershop's files put sorted letters into their bucket.
    ExportPutChunk = "lettershop-export/put-chunk",
    /// The lettershop's files note sorted letters.
    ExportChunk = "lettershop-export/chunk",
    /// The lettershop's files read which letters are sorted.
    ExportChunks = "lettershop-export/chunks",
    /// The lettershop's files fetch sorted letters.
    ExportGetChunk = "lettershop-export/get-chunk",
    /// The lettershop's files drop sorted letters.
    ExportDropChunk = "lettershop-export/drop-chunk",
    /// The lettershop's files begin an upload, or give up one that somebody else was faster with.
    ExportBegin = "lettershop-export/begin",
    /// The lettershop's files upload a part.
    ExportPart = "lettershop-export/part",
    /// The lettershop's files store how far a file is.
    ExportAdvance = "lettershop-export/advance",
    /// The lettershop's files complete an upload.
    ExportComplete = "lettershop-export/complete",
    /// The lettershop's files look at a file.
    ExportHead = "lettershop-export/head",
    /// The lettershop's files drop what was written of a run that was stopped.
    ExportDropFile = "lettershop-export/drop-file",
    /// The lettershop's files put a manifest.
    ExportManifest = "lettershop-export/manifest",
    /// The lettershop's files send work to their own queue.
    ExportSend = "lettershop-export/send",
    /// The lettershop's files move a run on.
    ExportWritten = "lettershop-export/written",
    /// The lettershop's files read which letters are to be printed again.
    ExportReprint = "lettershop-export/reprint",
    /// The lettershop's files read to whom letters went that are printed again.
    ExportLetters = "lettershop-export/letters",
    /// The lettershop's files ask whether a letter may be sent again.
    ExportParty = "lettershop-export/party",
    /// The lettershop's files put the file of a reprint.
    ExportPutReprint = "lettershop-export/put-reprint",
    /// The lettershop's files note what a reprint came to.
    ExportReprinted = "lettershop-export/reprinted",
    /// The lettershop's files read how far the letters of a run are noted with their parties.
    ExportNotes = "lettershop-export/notes",
    /// The lettershop's files note a letter with its party.
    ExportNote = "lettershop-export/note",
    /// The lettershop's files store how far the letters of a run are noted.
    ExportNoted = "lettershop-export/noted",
    /// The lettershop's files move a campaign on.
    ExportStanding = "lettershop-export/standing",
    /// The finance reports list the programmes.
    FinanceProgrammes = "finance-reports/programmes",
    /// The finance reports read a programme.
    FinanceProgramme = "finance-reports/programme",
    /// The finance reports read a run.
    FinanceRun = "finance-reports/run",
    /// The finance reports read the companies of the branches.
    FinanceCompanies = "finance-reports/companies",
    /// The finance reports begin a run.
    FinanceBegin = "finance-reports/begin",
    /// The finance reports send segments to their queue.
    FinanceSend = "finance-reports/send",
    /// The finance reports scan a segment for accounts and vouchers.
    FinanceScan = "finance-reports/scan",
    /// The finance reports read the ledger of an account.
    FinanceLedger = "finance-reports/ledger",
    /// The finance reports read partial sums.
    FinanceParts = "finance-reports/parts",
    /// The finance reports store partial sums.
    FinancePart = "finance-reports/part",
    /// The finance reports put a file into their bucket.
    FinanceFile = "finance-reports/file",
    /// The finance reports complete a run.
    FinanceComplete = "finance-reports/complete",
    /// The office reads a finance report.
    FinanceRead = "finance/read",
    /// The office reads the programme of a finance report.
    FinanceAsked = "finance/programme",
    /// The office reads the companies of the branches for a finance report.
    FinanceAskCompanies = "finance/companies",
    /// The office asks for a finance report.
    FinanceAsk = "finance/ask",
    /// The office sends the segments of a finance report.
    FinanceAskSend = "finance/send",
    /// Intake looks for the party of a document.
    ErpParty = "erp-intake/party",
    /// Intake reads what stands under a document's number.
    ErpDocument = "erp-intake/document",
    /// Intake commits a document with what its party shows of it.
    ErpCommit = "erp-intake/commit",
    /// Intake lists a document that it refuses.
    ErpReject = "erp-intake/reject",
    /// The refused documents are read.
    ErpRejected = "erp-intake/rejected",
    /// A refused document is ticked off.
    ErpRejectedDone = "erp-intake/rejected-done",
    /// Payments that wait for their invoice are read.
    ErpWaiting = "erp-intake/waiting",
    /// The orders of a party are read.
    ErpOrders = "erp-intake/orders",
    /// What payment morale is folded from is read.
    ErpMorale = "erp-intake/morale",
    /// The service desk looks for a party.
    DeskParty = "service-desk/party",
    /// The service desk reads a task.
    DeskTask = "service-desk/task",
    /// The service desk stores a task.
    DeskTaskPut = "service-desk/task-put",
    /// The service desk reads a case.
    DeskCase = "service-desk/case",
    /// The service desk reads the tasks of a case.
    DeskCaseTasks = "service-desk/case-tasks",
    /// The service desk stores a case.
    DeskCasePut = "service-desk/case-put",
    /// The service desk lists open work.
    DeskList = "service-desk/list",
    /// The service desk keeps a communication.
    DeskCommunication = "service-desk/communication",
    /// The service desk reads opportunities.
    DeskOpportunity = "service-desk/opportunity",
    /// The service desk stores an opportunity.
    DeskOpportunityPut = "service-desk/opportunity-put",
    /// The service desk reads older changes of a task, a case or an opportunity.
    DeskHistory = "service-desk/history",
    /// The service desk reads a programme.
    DeskProgramme = "service-desk/programme",
    /// The service desk reads events of a timeline.
    DeskTimeline = "service-desk/timeline",
    /// The service desk reads ledger entries for a timeline.
    DeskLedger = "service-desk/ledger",
    /// The service desk reads accounts and vouchers of an overview.
    DeskAccounts = "service-desk/accounts",
    /// The service desk reads the activity of an overview.
    DeskActivity = "service-desk/activity",
    /// The service desk reads invoices for an overview.
    DeskInvoices = "service-desk/invoices",
    /// The import looks at a file.
    ImportHead = "party-import/head",
    /// The import reads a piece of a file.
    ImportFile = "party-import/file",
    /// The import reads a run.
    ImportRun = "party-import/run",
    /// The import begins, begins again or refuses a run.
    ImportBegin = "party-import/begin",
    /// The import sends parts to its queue.
    ImportSend = "party-import/send",
    /// The import reads the types of the tenant.
    ImportTypes = "party-import/types",
    /// The import reads how far a part is.
    ImportPart = "party-import/part",
    /// The import stores a step of a part.
    ImportAdvance = "party-import/advance",
    /// The import looks a row up by its id in the other system.
    ImportKnown = "party-import/known",
    /// The import stores a party.
    ImportCreate = "party-import/create",
    /// The import reads a party that a row changes.
    ImportParty = "party-import/party",
    /// The import changes a party, or notes what a row says.
    ImportChange = "party-import/change",
    /// The import reads a card.
    ImportCard = "party-import/card",
    /// The import registers a card.
    ImportCardWrite = "party-import/card-write",
    /// The import writes what a step has rejected.
    ImportRejected = "party-import/rejected",
    /// The import puts together and writes what was rejected.
    ImportRejects = "party-import/rejects",
    /// The import drops a file whose rows are all done.
    ImportDrop = "party-import/drop",
    /// The import completes a run.
    ImportComplete = "party-import/complete",
    /// The office reads imports.
    ImportsRead = "imports/read",
    /// The office begins an import again.
    ImportsRestart = "imports/restart",
    /// The office sends the parts of an import.
    ImportsSend = "imports/send",
    /// The service desk reads the types of the tenant for a lead.
    LeadTypes = "service-desk/lead-types",
    /// The service desk looks up what a lead was stored under.
    LeadKnown = "service-desk/lead-known",
    /// The service desk stores a lead.
    LeadPut = "service-desk/lead-put",
    /// The service desk ends the role of a lead.
    LeadChange = "service-desk/lead-change",
    /// The service desk relates a lead to the party it was converted into.
    LeadRelate = "service-desk/lead-relate",
    /// The relay sends changes of runs' vouchers to their results.
    RelaySendResults = "event-relay/send-results",
    /// The relay sends work to the workflows.
    RelaySendWorkflow = "event-relay/send-workflow",
    /// The workflows in force are read.
    WorkflowSet = "workflow-runner/set",
    /// A change that workflows look at is read.
    WorkflowEvent = "workflow-runner/event",
    /// The runner reads the types of the tenant.
    WorkflowTypes = "workflow-runner/types",
    /// The runner opens a task.
    WorkflowTask = "workflow-runner/task",
    /// The runner reads the party that it classifies.
    WorkflowParty = "workflow-runner/party",
    /// The runner classifies a party.
    WorkflowClassify = "workflow-runner/classify",
    /// The runner keeps an event for the other systems.
    WorkflowPublish = "workflow-runner/publish",
    /// Administration reads workflows.
    WorkflowsRead = "administration/workflows-read",
    /// Administration stores workflows.
    WorkflowsWrite = "administration/workflows-write",
    /// Administration reads changes to try workflows on.
    WorkflowsTrial = "administration/workflows-trial",
    /// A party, its request of erasure, or both are read.
    PrivacyRead = "privacy/read",
    /// A request of erasure is stored, taken back or approved.
    PrivacyDecide = "privacy/decide",
    /// Requests of erasure are listed.
    PrivacyList = "privacy/list",
    /// Everything of a party is read, page by page.
    PrivacyItems = "privacy/items",
    /// A statement reads where vouchers of a party were lost by tills without a line.
    PrivacyLosses = "privacy/losses",
    /// What stands elsewhere about a party is read.
    PrivacyBeside = "privacy/beside",
    /// A statement is noted with its party.
    PrivacyNote = "privacy/note",
    /// A statement is put into its bucket, or taken away.
    PrivacyFile = "privacy/file",
    /// An erasure reads its request.
    EraseRead = "privacy/erase-read",
    /// An erasure reads a page of the party's items.
    ErasePage = "privacy/erase-page",
    /// An erasure reads what the items lead to.
    EraseBeside = "privacy/erase-beside",
    /// An erasure stores a step.
    EraseStep = "privacy/erase-step",
    /// An erasure lists or removes files.
    EraseFiles = "privacy/erase-files",
    /// An erasure sends the rest of its work to its queue.
    EraseSend = "privacy/erase-send",
    /// The authorizer reads an API key.
    ApiKeyRead = "authorizer/api-key",
    /// Operations tools scan or read in bulk.
    ToolRead = "tools/read",
    /// Operations tools write.
    ToolWrite = "tools/write",
}

/// What a plan does to one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The process dies: before the call nothing has happened, after it everything has and nobody was told.
    Crash,
    /// The store answers that it is throttled; the call is not made.
    Throttle,
    /// The store answers that a transaction conflicted with another; the call is not made.
    Conflict,
    /// The call times out: after the call, it was made all the same.
    Timeout,
}

/// Decides about each call. Implemented by tests.
pub trait FaultPlan: Send + Sync + fmt::Debug {
    /// Asked before the call.
    fn before(&self, site: Site) -> Fault;
    /// Asked after the call succeeded or failed.
    fn after(&self, site: Site) -> Fault;
}

/// The payload of the panic that stands for a dead process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// Where it died.
    pub site: Site,
}

/// Where the calls pass through.
#[derive(Debug, Clone, Default)]
pub struct Probe(Option<Arc<dyn FaultPlan>>);

/// A fault that the caller must turn into its own error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injected {
    /// As if the store throttled.
    Throttle,
    /// As if a transaction conflicted.
    Conflict,
    /// As if the answer never came.
    Timeout,
}

impl Probe {
    /// The probe of production: does nothing.
    pub const fn none() -> Self {
        Self(None)
    }

    /// A probe that asks `plan` at each call.
    pub fn with(plan: Arc<dyn FaultPlan>) -> Self {
        Self(Some(plan))
    }

    /// To be asked before the call at `site`.
    ///
    /// # Errors
    /// The fault to answer with instead of making the call.
    ///
    /// # Panics
    /// With [`Crash`] where the plan lets the process die.
    pub fn before(&self, site: Site) -> Result<(), Injected> {
        self.0.as_ref().map_or(Ok(()), |plan| act(site, plan.before(site)))
    }

    /// To be asked after the call at `site`.
    ///
    /// # Errors
    /// The fault to answer with although the call was made.
    ///
    /// # Panics
    /// With [`Crash`] where the plan lets the process die.
    pub fn after(&self, site: Site) -> Result<(), Injected> {
        self.0.as_ref().map_or(Ok(()), |plan| act(site, plan.after(site)))
    }
}

fn act(site: Site, fault: Fault) -> Result<(), Injected> {
    match fault {
        Fault::None => Ok(()),
        Fault::Crash => std::panic::panic_any(Crash { site }),
        Fault::Throttle => Err(Injected::Throttle),
        Fault::Conflict => Err(Injected::Conflict),
        Fault::Timeout => Err(Injected::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_site_has_its_own_name() {
        let names: BTreeSet<_> = Site::ALL.iter().map(|site| site.name()).collect();
        assert_eq!(names.len(), Site::ALL.len());
        assert!(names.iter().all(|name| name.split('/').count() == 2));
    }

    #[test]
    fn an_empty_probe_lets_everything_pass() {
        for site in Site::ALL {
            assert_eq!(Probe::none().before(*site), Ok(()));
            assert_eq!(Probe::none().after(*site), Ok(()));
        }
    }
}
